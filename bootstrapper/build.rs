//! Tells the small build from all others; `src/no_backtraces.rs` says what it is for.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(no_backtraces)");
    println!("cargo::rerun-if-changed=build.rs");
    // No profile but `tiny` has this level, and cargo does not tell a profile's name.
    if std::env::var("OPT_LEVEL").is_ok_and(|level| level == "z") {
        println!("cargo::rustc-cfg=no_backtraces");
    }
}
