//! The header says the same as the types: the system's C compiler checks every offset and number.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::mem::offset_of;
use std::process::{Command, Stdio};

use agent_plugin_api::{
    Answer, ENTRY, HEADER, Host, Kind, Level, MOST_ANSWER, OK, Plugin, Text, VERSION,
};

/// Compiles what stands below the header; what the compiler says, if it refuses.
fn compile(below: &str) -> Result<(), String> {
    let mut compiler = Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
        .args(["-fsyntax-only", "-x", "c", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cc, which the build needs too");
    let source = format!("{HEADER}\n{below}\n");
    let mut stdin = compiler.stdin.take().unwrap();
    stdin.write_all(source.as_bytes()).unwrap();
    drop(stdin);
    let output = compiler.wait_with_output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    output.status.success().then_some(()).ok_or(complaints)
}

fn claim(c: &str, rust: usize) -> String {
    format!("_Static_assert(({c}) == {rust}, \"{c}\");\n")
}

macro_rules! layout {
    ($claims:ident, $c:literal, $rust:ty, [$($field:ident),*]) => {
        $claims += &claim(concat!("sizeof(struct ", $c, ")"), size_of::<$rust>());
        $(
            let c = concat!("offsetof(struct ", $c, ", ", stringify!($field), ")");
            $claims += &claim(c, offset_of!($rust, $field));
        )*
    };
}

#[test]
fn every_size_and_offset_is_the_same_in_c() {
    let mut claims = String::new();
    layout!(claims, "trireme_text", Text, [data, size]);
    layout!(claims, "trireme_answer", Answer, [data, size]);
    layout!(
        claims,
        "trireme_host",
        Host,
        [size, version, reserved, context, log]
    );
    layout!(
        claims,
        "trireme_plugin",
        Plugin,
        [
            size, version, kinds, name, release, state, free, tags, secret
        ]
    );
    compile(&claims).unwrap();
}

#[test]
fn every_number_is_the_same_in_c() {
    let mut claims = claim("TRIREME_PLUGIN_VERSION", VERSION as usize);
    claims += &claim("TRIREME_MOST_ANSWER", MOST_ANSWER);
    claims += &claim("TRIREME_OK", usize::try_from(OK).unwrap());
    for kind in Kind::ALL {
        claims += &claim(
            &format!("TRIREME_{}", kind.name().to_uppercase()),
            kind as usize,
        );
    }
    for level in [Level::Debug, Level::Info, Level::Warn, Level::Error] {
        let name = format!("{level:?}").to_uppercase();
        claims += &claim(&format!("TRIREME_{name}"), level as usize);
    }
    compile(&claims).unwrap();
}

#[test]
fn a_wrong_claim_does_not_compile() {
    assert!(
        compile(&claim("TRIREME_OK", 1))
            .unwrap_err()
            .contains("TRIREME_OK")
    );
}

#[test]
fn a_plugin_in_c_compiles_against_the_header() {
    let mut plugin = String::new();
    let entry = ENTRY.to_str().unwrap();
    writeln!(
        plugin,
        "static int32_t tags(void *state, struct trireme_answer *answer) {{"
    )
    .unwrap();
    writeln!(plugin, "  (void)state; (void)answer; return TRIREME_OK; }}").unwrap();
    writeln!(plugin, "int32_t {entry}(const struct trireme_host *host,").unwrap();
    writeln!(plugin, "    struct trireme_plugin *plugin) {{ (void)host;").unwrap();
    writeln!(
        plugin,
        "  plugin->kinds = TRIREME_TAGS; plugin->tags = tags;"
    )
    .unwrap();
    writeln!(
        plugin,
        "  TRIREME_PLUGIN_FILLED(plugin); return TRIREME_OK; }}"
    )
    .unwrap();
    compile(&plugin).unwrap();
}
