//! Reading one source file: its points, and the calls that have none.
//!
//! A point covers the statement after it, or the one it stands in. Where the name of a point is
//! handed in (`at`), it covers its whole function: there the caller's call is the one crossing.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};

use super::raw;

/// Arguments of a call.
type Arguments = syn::punctuated::Punctuated<syn::Expr, syn::Token![,]>;

/// A point that has a name.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) line: usize,
    /// Whether it is compiled for another platform than Linux only.
    pub(super) elsewhere: bool,
}

/// A call to the operating system that no point covers.
#[derive(Debug)]
pub(super) struct Bare {
    pub(super) call: String,
    pub(super) function: String,
    pub(super) file: String,
    pub(super) line: usize,
    /// What is wrong, to follow the call.
    pub(super) fault: &'static str,
}

/// The point that was passed last in a function.
#[derive(Debug, Clone, Copy)]
enum Cover {
    None,
    /// Free for one statement.
    Fresh,
    /// Used by the statement with this number.
    Used(usize),
    /// The name came from the caller.
    Whole,
}

/// A function around the present place.
#[derive(Debug)]
struct Function {
    name: String,
    cover: Cover,
    /// Calls without a point in the file before it.
    bare_before: usize,
}

/// Walks through one file.
pub(super) struct Reader<'a> {
    file: &'a str,
    functions: &'a BTreeMap<String, usize>,
    /// Names brought in by `use`, with what they stand for.
    imports: BTreeMap<String, Vec<String>>,
    /// Functions around the present place, innermost last.
    around: Vec<Function>,
    statement: usize,
    statements: usize,
    elsewhere: bool,
    named: Vec<Named>,
    bare: Vec<Bare>,
}

impl<'a> Reader<'a> {
    /// The points of a file, and its calls without.
    pub(super) fn read(
        file: &'a str,
        tree: &syn::File,
        functions: &'a BTreeMap<String, usize>,
    ) -> (Vec<Named>, Vec<Bare>) {
        let mut reader = Self {
            file,
            functions,
            imports: BTreeMap::new(),
            around: Vec::new(),
            statement: 0,
            statements: 0,
            elsewhere: file.contains("windows") || file.contains("macos"),
            named: Vec::new(),
            bare: Vec::new(),
        };
        for item in &tree.items {
            if let syn::Item::Use(item) = item {
                import(&item.tree, &mut Vec::new(), &mut reader.imports);
            }
        }
        reader.visit_file(tree);
        (reader.named, reader.bare)
    }

    /// The full path of a call, with `use` undone.
    fn resolve(&self, path: &syn::Path) -> Vec<String> {
        let mut parts = path.segments.iter().map(|part| part.ident.to_string());
        let first = parts.next().unwrap_or_default();
        let mut full = self.imports.get(&first).cloned().unwrap_or(vec![first]);
        full.extend(parts);
        full
    }

    /// A call of a function or method with this name: a point?
    fn note_point(&mut self, name: &str, arguments: &Arguments, is_method: bool) {
        let is_point = !is_method && matches!(name, "point" | "write_point");
        let position = if is_point {
            0
        } else if let Some(position) = self.functions.get(name) {
            *position
        } else {
            return;
        };
        let Some(argument) = arguments.iter().nth(position) else {
            return;
        };
        let literal = match argument {
            syn::Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Str(text),
                ..
            }) => Some(text),
            _ => None,
        };
        // Other functions may have an argument of that name, too; their words have no dot.
        let is_name = |text: &&syn::LitStr| is_point || text.value().contains('.');
        if let Some(text) = literal.filter(is_name) {
            self.named.push(Named {
                name: text.value(),
                file: self.file.to_owned(),
                line: text.span().start().line,
                elsewhere: self.elsewhere,
            });
        }
        let Some(function) = self.around.last_mut().filter(|_| is_point) else {
            return;
        };
        function.cover = match literal {
            Some(_) => Cover::Fresh,
            None => {
                // Closures that are called behind the point may stand before it.
                self.bare.truncate(function.bare_before);
                Cover::Whole
            }
        };
    }

    fn note_raw(&mut self, call: String, line: usize) {
        let statement = self.statement;
        let Some(Function { name, cover, .. }) = self.around.last_mut() else {
            return;
        };
        let function = name.clone();
        let fault = match *cover {
            Cover::Whole => return,
            Cover::Used(used) if used == statement => return,
            Cover::Fresh => {
                *cover = Cover::Used(statement);
                return;
            }
            Cover::None => "has no point before it",
            Cover::Used(_) => "comes after a point that covers another call already",
        };
        self.bare.push(Bare {
            call,
            function,
            file: self.file.to_owned(),
            line,
            fault,
        });
    }

    fn within(&mut self, function: &syn::Ident, walk: impl FnOnce(&mut Self)) {
        self.around.push(Function {
            name: function.to_string(),
            cover: Cover::None,
            bare_before: self.bare.len(),
        });
        walk(self);
        self.around.pop();
    }

    /// Walks on unless the attributes say that this is a test; notes another platform.
    fn under(&mut self, attributes: &[syn::Attribute], walk: impl FnOnce(&mut Self)) {
        if is_test(attributes) {
            return;
        }
        let before = self.elsewhere;
        self.elsewhere |= is_elsewhere(attributes);
        walk(self);
        self.elsewhere = before;
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.under(&item.attrs, |this| visit::visit_item_mod(this, item));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.under(&item.attrs, |this| visit::visit_item_impl(this, item));
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.under(&item.attrs, |this| {
            this.within(&item.sig.ident, |this| visit::visit_item_fn(this, item));
        });
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.under(&item.attrs, |this| {
            this.within(&item.sig.ident, |this| {
                visit::visit_impl_item_fn(this, item);
            });
        });
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.under(&item.attrs, |this| {
            this.within(&item.sig.ident, |this| {
                visit::visit_trait_item_fn(this, item);
            });
        });
    }

    fn visit_stmt(&mut self, statement: &'ast syn::Stmt) {
        let before = self.statement;
        self.statements += 1;
        self.statement = self.statements;
        visit::visit_stmt(self, statement);
        self.statement = before;
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        visit::visit_expr_call(self, call);
        if let syn::Expr::Path(function) = &*call.func {
            let path = self.resolve(&function.path);
            let name = path.last().cloned().unwrap_or_default();
            self.note_point(&name, &call.args, false);
            if raw::is_raw_path(&path) {
                self.note_raw(path.join("::"), call.paren_token.span.open().start().line);
            }
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        visit::visit_expr_method_call(self, call);
        let name = call.method.to_string();
        self.note_point(&name, &call.args, true);
        let origin = origin(&call.receiver).map(|path| self.resolve(path));
        if raw::is_raw_method(&name, call.args.len(), origin.as_deref()) {
            self.note_raw(format!(".{name}()"), call.method.span().start().line);
        }
    }
}

/// The function that a chain of method calls begins with.
fn origin(expression: &syn::Expr) -> Option<&syn::Path> {
    match expression {
        syn::Expr::MethodCall(call) => origin(&call.receiver),
        syn::Expr::Try(tried) => origin(&tried.expr),
        syn::Expr::Call(call) => match &*call.func {
            syn::Expr::Path(function) => Some(&function.path),
            _ => None,
        },
        _ => None,
    }
}

fn import(tree: &syn::UseTree, before: &mut Vec<String>, into: &mut BTreeMap<String, Vec<String>>) {
    match tree {
        syn::UseTree::Path(path) => {
            before.push(path.ident.to_string());
            import(&path.tree, before, into);
            before.pop();
        }
        syn::UseTree::Name(name) if name.ident == "self" => {
            if let Some(last) = before.last() {
                into.insert(last.clone(), before.clone());
            }
        }
        syn::UseTree::Name(name) => {
            let full = before.iter().cloned().chain([name.ident.to_string()]);
            into.insert(name.ident.to_string(), full.collect());
        }
        syn::UseTree::Rename(rename) => {
            let full = before.iter().cloned().chain([rename.ident.to_string()]);
            into.insert(rename.rename.to_string(), full.collect());
        }
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                import(tree, before, into);
            }
        }
        syn::UseTree::Glob(_) => {}
    }
}

/// What a `#[cfg(…)]` says, without blanks.
fn conditions(attributes: &[syn::Attribute]) -> impl Iterator<Item = String> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .filter_map(|attribute| match &attribute.meta {
            syn::Meta::List(list) => Some(list.tokens.to_string().replace(' ', "")),
            _ => None,
        })
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    let is_marked = attributes
        .iter()
        .any(|attribute| attribute.path().is_ident("test"));
    is_marked || conditions(attributes).any(|cfg| cfg == "test" || cfg.starts_with("all(test"))
}

fn is_elsewhere(attributes: &[syn::Attribute]) -> bool {
    let elsewhere = [
        "windows",
        "not(unix)",
        "target_os=\"macos\"",
        "not(target_os=\"linux\")",
    ];
    conditions(attributes).any(|cfg| elsewhere.contains(&&*cfg))
}

/// Files of modules that are compiled for tests only.
pub(super) fn test_files(file: &str, tree: &syn::File) -> Vec<String> {
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    let stem = name.trim_end_matches(".rs");
    let base = match stem {
        "lib" | "main" | "mod" => folder.to_owned(),
        _ => format!("{folder}/{stem}"),
    };
    let mut files = Vec::new();
    for item in &tree.items {
        if let syn::Item::Mod(module) = item
            && is_test(&module.attrs)
        {
            files.push(format!("{base}/{}.rs", module.ident));
            // With a `#[path]` it lies beside the file.
            files.push(format!("{folder}/{stem}_{}.rs", module.ident));
        }
    }
    files
}

/// Functions with an argument `at`, and which one it is; `self` does not count.
pub(super) fn at_functions(tree: &syn::File) -> BTreeMap<String, usize> {
    struct Signatures(BTreeMap<String, usize>);
    impl<'ast> Visit<'ast> for Signatures {
        fn visit_signature(&mut self, signature: &'ast syn::Signature) {
            let names = signature.inputs.iter().filter_map(|input| match input {
                syn::FnArg::Typed(typed) => Some(typed),
                syn::FnArg::Receiver(_) => None,
            });
            let is_at = |typed: &syn::PatType| {
                let is_named = matches!(&*typed.pat, syn::Pat::Ident(name) if name.ident == "at" || name.ident == "_at");
                let is_static = matches!(&*typed.ty, syn::Type::Reference(to) if to.lifetime.as_ref().is_some_and(|life| life.ident == "static"));
                is_named && is_static
            };
            if let Some(position) = names.into_iter().position(is_at) {
                self.0.insert(signature.ident.to_string(), position);
            }
        }
    }
    let mut signatures = Signatures(BTreeMap::new());
    signatures.visit_file(tree);
    signatures.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let tree = syn::parse_file(text).unwrap();
        let functions = at_functions(&tree);
        let (named, bare) = Reader::read("a.rs", &tree, &functions);
        (
            named.into_iter().map(|named| named.name).collect(),
            bare.into_iter().map(|bare| bare.call).collect(),
        )
    }

    #[test]
    fn a_call_behind_a_point_is_fine_in_all_the_usual_forms() {
        for text in [
            r#"fn a() { shared_fault::point("a.read")?; std::fs::read(p) }"#,
            r#"fn a() { point("a.read").and_then(|()| std::fs::read(p)) }"#,
            r#"use std::fs::{self, File}; fn a() { write_point("a.b", || Ok(()))?; File::create(p)?.write_all(b) }"#,
            r#"fn a() { if x { point("a.spawn")?; } command.spawn() }"#,
        ] {
            let (named, bare) = read(text);
            assert_eq!((named.len(), bare), (1, vec![]), "{text}");
        }
    }

    #[test]
    fn a_call_without_a_point_is_found_under_whatever_name() {
        for (text, call) in [
            ("fn a() { std::fs::read(p) }", "std::fs::read"),
            (
                "use std::fs; fn a() { fs::rename(p, q) }",
                "std::fs::rename",
            ),
            ("use std::fs::read as r; fn a() { r(p) }", "std::fs::read"),
            (
                "use std::fs::{File}; fn a() { File::open(p) }",
                "std::fs::File::open",
            ),
            (
                "use std::fs::OpenOptions; fn a() { OpenOptions::new().read(true).open(p) }",
                ".open()",
            ),
            (
                "use std::process::Command; fn a() { Command::new(p).arg(q).status() }",
                ".status()",
            ),
            (
                "fn a() { async { tokio::net::UnixStream::connect(p).await } }",
                "tokio::net::UnixStream::connect",
            ),
            (
                "fn a() { rustix::process::kill_process(p, s) }",
                "rustix::process::kill_process",
            ),
            ("fn a() { file.sync_all() }", ".sync_all()"),
        ] {
            assert_eq!(read(text).1, [call], "{text}");
        }
    }

    #[test]
    fn a_point_covers_one_statement_and_a_handed_in_name_its_function() {
        let two = r#"fn a() { point("a.b")?; std::fs::read(p)?; std::fs::read(q) }"#;
        assert_eq!(read(two).1.len(), 1);
        let other = r#"fn a() { point("a.b")?; } fn b() { std::fs::read(q) }"#;
        assert_eq!(read(other).1.len(), 1);
        let forwarded =
            "fn a(at: &'static str) { point(at)?; std::fs::read(p)?; std::fs::read(q) }";
        assert_eq!(read(forwarded), (vec![], vec![]));
        let closure = "fn a(at: &'static str) { let w = || std::fs::write(p, b); write_point(at, || w())?; w() }";
        assert_eq!(read(closure), (vec![], vec![]));
    }

    #[test]
    fn names_handed_on_count_and_tests_do_not() {
        let text = r#"
            trait Fs { fn read(&self, at: &'static str, path: &Path); }
            fn a() { fs.read("meta.read", p); file.read(&mut buffer); }
            #[cfg(test)] mod tests { fn b() { point("x.y"); std::fs::read(p); } }"#;
        assert_eq!(read(text), (vec!["meta.read".to_owned()], vec![]));
        let tree = syn::parse_file("#[cfg(test)] mod control_tests;").unwrap();
        assert!(
            test_files("agent/src/lib.rs", &tree)
                .contains(&"agent/src/control_tests.rs".to_owned())
        );
    }
}
