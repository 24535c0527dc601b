//! Tells the program which commit it was built from, where the sources are a git checkout, and has the release program linked so that
//! little of it is resident.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Puts next to each other what an idle daemon has run.
const START_ORDER: &str = "resources/start.ld";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    tell_commit();
    println!("cargo::rerun-if-changed={START_ORDER}");
    if variable("PROFILE") == "release" && variable("CARGO_CFG_TARGET_OS") == "linux" {
        link_small();
    }
}

fn tell_commit() {
    let commit = git(&["rev-parse", "--short=10", "HEAD"]).unwrap_or_default();
    println!("cargo::rustc-env=BOUNCESVC_COMMIT={commit}");
    // The log of HEAD changes with each commit; HEAD itself only with each branch.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|log| Path::new(log).exists()) {
        println!("cargo::rerun-if-changed={log}");
    }
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The kernel maps 64 KiB and more around each page of a program that is touched: scattered over 4.5 MB, the 0.4 MB that an idle
/// daemon has run made nearly all of it resident. Packed relocations are 0.15 MB less to read at each start.
///
/// Neither changes what the program does. Linkers without `INSERT` (gold, mold), those that pack what no C library unpacks (mold 1.10: its
/// program links and does not run), and C libraries that cannot unpack (glibc before 2.36) go without, as does a program for another
/// machine. LLD, which Rust brings on x86-64, and GNU ld take both. The feature `portable` leaves out what only newer C libraries can unpack.
fn link_small() {
    let start_order = Path::new(&variable("CARGO_MANIFEST_DIR")).join(START_ORDER);
    let packed = (!feature("PORTABLE")).then(|| "-Wl,-z,pack-relative-relocs".to_owned());
    for argument in [format!("-T{}", start_order.display())].into_iter().chain(packed) {
        if trial_program(&argument).is_some_and(|program| succeeds(&mut Command::new(program))) {
            println!("cargo::rustc-link-arg-bin=bouncesvc={argument}");
        }
    }
}

/// An empty program, linked as the real one, with this argument for the linker.
fn trial_program(argument: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(variable("OUT_DIR"));
    let (source, program) = (folder.join("trial.rs"), folder.join("trial"));
    std::fs::write(&source, "fn main() {}\n").ok()?;
    let mut rustc = Command::new(variable("RUSTC"));
    rustc.arg(source).arg("-o").arg(&program).args(["--target", &variable("TARGET")]);
    rustc.args(["-C", &format!("link-arg={argument}")]);
    rustc.args(variable("CARGO_ENCODED_RUSTFLAGS").split('\x1f').filter(|flag| !flag.is_empty()));
    if let Ok(linker) = std::env::var("RUSTC_LINKER") {
        rustc.args(["-C", &format!("linker={linker}")]);
    }
    succeeds(&mut rustc).then_some(program)
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn feature(name: &str) -> bool {
    std::env::var_os(format!("CARGO_FEATURE_{name}")).is_some()
}

/// One of those that Cargo sets.
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}
