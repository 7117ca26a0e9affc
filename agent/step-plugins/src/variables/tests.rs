//! Variables that a plugin's configuration becomes.

use proptest::prelude::*;

use super::*;

fn of(name: &str, configuration: &str) -> Variables {
    match Json::parse(configuration) {
        Ok(Json::Map(map)) => variables(name, &map),
        other => panic!("{other:?}"),
    }
}

/// The variables but for the two that every plugin has.
fn own(name: &str, configuration: &str) -> Vec<String> {
    of(name, configuration)
        .set
        .iter()
        .filter(|(name, _)| {
            !["BUILDKITE_PLUGIN_NAME", "BUILDKITE_PLUGIN_CONFIGURATION"].contains(&name.as_str())
        })
        .map(|(name, value)| format!("{}={value}", name.trim_start_matches(PREFIX)))
        .collect()
}

#[test]
fn each_value_is_a_variable() {
    let cases: [(&str, &[&str]); 13] = [
        ("{}", &[]),
        (
            r#"{"a": "x y", "b": true, "c": false}"#,
            &["WINCH_A=x y", "WINCH_B=true", "WINCH_C=false"],
        ),
        (
            r#"{"n": [42, 1.50, -1e+06]}"#,
            &["WINCH_N_0=42", "WINCH_N_1=1.50", "WINCH_N_2=-1e+06"],
        ),
        (
            r#"{"some-key": 1, "some other": 2, "tab\tkey": 3}"#,
            &["WINCH_SOME_KEY=1", "WINCH_SOME_OTHER=2", "WINCH_TAB_KEY=3"],
        ),
        (r#"{"a": {"b": {"c": "x"}}}"#, &["WINCH_A_B_C=x"]),
        (
            r#"{"a": [{"b": ["x", {"c": 1}]}]}"#,
            &["WINCH_A_0_B_0=x", "WINCH_A_0_B_1_C=1"],
        ),
        (r#"{"a": [], "b": {}, "c": ""}"#, &["WINCH_C="]),
        (r#"{"": "x"}"#, &["WINCH_=x"]),
        (r#"{"a.b/c": "x"}"#, &["WINCH_A.B/C=x"]),
        (
            r#"{"größe": "x", "ß": "y"}"#,
            &["WINCH_GRÖßE=x", "WINCH_ß=y"],
        ),
        (r#"{"l": "a\nb"}"#, &["WINCH_L=a\nb"]),
        (r#"{"a": null, "b": [null, 1]}"#, &["WINCH_B_1=1"]),
        (r#"{"a=b": 1, "c": "\u0000", "d": 2}"#, &["WINCH_D=2"]),
    ];
    for (configuration, wanted) in cases {
        assert_eq!(own("winch", configuration), wanted, "{configuration}");
    }
}

#[test]
fn what_no_variable_can_hold_is_named() {
    let left_out = of(
        "winch",
        r#"{"a": null, "b": [1, null], "c=d": 1, "e": "\u0000"}"#,
    )
    .left_out;
    let wanted = ["A", "B_1", "C=D", "E"].map(|name| format!("BUILDKITE_PLUGIN_WINCH_{name}"));
    assert_eq!(left_out, wanted);
}

#[test]
fn the_name_and_the_whole_configuration_are_variables_too() {
    let set = of("big-winch", r#"{"b": {"<": 1.0}, "a": null}"#).set;
    assert_eq!(set["BUILDKITE_PLUGIN_NAME"], "BIG_WINCH");
    assert_eq!(
        set["BUILDKITE_PLUGIN_CONFIGURATION"],
        r#"{"a":null,"b":{"\u003c":1.0}}"#
    );
}

#[test]
fn a_name_with_several_underscores_in_a_row_has_its_old_name_too() {
    assert_eq!(
        own("winch", r#"{"and _ with a - number": 12}"#),
        [
            "WINCH_AND_WITH_A_NUMBER=12",
            "WINCH_AND___WITH_A___NUMBER=12"
        ]
    );
    assert_eq!(own("a--b", r#"{"k": 1}"#), ["A_B_K=1", "A__B_K=1"]);
    let renamed = of("winch", r#"{"z__": 1, "a--b": 2, "plain": 3}"#).renamed;
    let pair = |old: &str, new: &str| Renamed {
        old: format!("BUILDKITE_PLUGIN_WINCH_{old}"),
        new: format!("BUILDKITE_PLUGIN_WINCH_{new}"),
    };
    assert_eq!(renamed, [pair("A_B", "A__B"), pair("Z_", "Z__")]);
}

#[test]
fn an_old_name_does_not_hide_the_value_of_that_name() {
    assert_eq!(
        own("winch", r#"{"a--b": 1, "a-b": 2}"#),
        ["WINCH_A_B=2", "WINCH_A__B=1"]
    );
}

fn configuration() -> impl Strategy<Value = Map> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        "[1-9][0-9]{0,9}(\\.[0-9]{1,4})?".prop_map(Json::Number),
        ".{0,6}".prop_map(Json::Text),
    ];
    let any = leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::List),
            prop::collection::btree_map("[a-z_ =\0-]{0,4}", inner, 0..4).prop_map(Json::Map),
        ]
    });
    prop::collection::btree_map("[a-zA-Zé_ =-]{0,5}", any, 0..5)
}

/// How many values a configuration has, and all of them that a variable may hold.
fn leaves<'a>(value: &'a Json, into: &mut Vec<&'a Json>) {
    match value {
        Json::List(items) => items.iter().for_each(|item| leaves(item, into)),
        Json::Map(map) => map.values().for_each(|item| leaves(item, into)),
        leaf => into.push(leaf),
    }
}

proptest! {
    #[test]
    fn no_name_or_value_is_one_that_a_process_cannot_have(map in configuration()) {
        let Variables { set, renamed, .. } = variables("win--ch", &map);
        for (name, value) in &set {
            prop_assert!(name.starts_with(PREFIX) && !name.contains(['=', '\0', ' ', '-']), "{}", name);
            prop_assert!(!value.contains('\0'));
        }
        for Renamed { old, new } in renamed {
            prop_assert!(!old.contains("__") && new.contains("__"));
            prop_assert!(set.contains_key(&old) && set.contains_key(&new));
        }
    }

    #[test]
    fn every_value_is_set_or_left_out_and_nothing_is_made_up(map in configuration()) {
        let Variables { set, left_out, .. } = variables("winch", &map);
        let whole = Json::Map(map.clone());
        let mut values = Vec::new();
        leaves(&whole, &mut values);
        let nulls = values.iter().filter(|value| matches!(value, Json::Null)).count();
        prop_assert!(left_out.len() >= nulls);
        for (name, value) in &set {
            let fixed = ["BUILDKITE_PLUGIN_NAME", "BUILDKITE_PLUGIN_CONFIGURATION"];
            let known = values.iter().any(|leaf| match leaf {
                Json::Bool(leaf) => leaf.to_string() == *value,
                Json::Number(leaf) | Json::Text(leaf) => leaf == value,
                _ => false,
            });
            prop_assert!(known || fixed.contains(&name.as_str()), "{}={}", name, value);
        }
        prop_assert_eq!(Json::parse(&set["BUILDKITE_PLUGIN_CONFIGURATION"]).unwrap(), whole);
    }
}
