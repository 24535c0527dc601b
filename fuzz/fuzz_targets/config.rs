//! Invariant: any text: no panic, and every mistake has a text. A configuration that is taken prints as one that is taken, as itself.

#![no_main]

use bouncesvc::config;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|text: &str| {
    let file = Path::new("/nowhere/config.yml");
    match config::parse(file, text, "develop") {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(config) => {
            let effective = config.effective_yaml();
            // A masked secret is not one that is taken again.
            if !effective.contains("***") {
                let again = config::parse(file, &effective, "develop").expect("what is printed is taken");
                assert_eq!(again.effective_yaml(), effective);
            }
        }
    }
});
