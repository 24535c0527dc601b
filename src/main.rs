//! The thin binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    bouncesvc::cli::run(std::env::args_os().skip(1))
}
