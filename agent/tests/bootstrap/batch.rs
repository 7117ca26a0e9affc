//! A shell that takes one line only.

use std::fs;

use crate::world::World;

#[test]
fn cmd_exe_is_given_a_batch_file_that_is_gone_afterwards() {
    let mut world = World::without_checkout("dir\nbuild.bat x");
    let folder = world.path("tmp");
    fs::create_dir(&folder).expect("folder");
    world.write_program(
        "bin/CMD.exe",
        "#!/bin/sh\nshift\ncat \"$1\"; echo; echo \"${1##*.}\"; exit 9\n",
    );
    world
        .set("BUILDKITE_SHELL", "CMD.exe /c")
        .set("TMPDIR", folder.to_str().expect("text"));
    let ended = world.run();
    assert_eq!(ended.code(), 9, "{}", ended.log);
    let stop = "if %errorlevel% neq 0 exit /b %errorlevel%";
    let wanted = format!("@echo off\ndir\n{stop}\ncall build.bat x\n{stop}\nbat\n");
    assert!(
        ended.log.contains("~~~ Running batch script") && ended.log.contains(&wanted),
        "{}",
        ended.log
    );
    assert_eq!(fs::read_dir(folder).expect("folder").count(), 0);
}
