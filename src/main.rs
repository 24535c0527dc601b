//! The thin binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // An argument that is no UTF-8 names no command, and as a file it is reported as not found.
    let arguments: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    bouncesvc::cli::run(&arguments)
}
