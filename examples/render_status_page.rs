//! Writes the status page to standard output, filled with a made-up week: `cargo run --example render_status_page > page.html`.
//!
//! This is where the pictures in the README come from.

#[path = "../tests/support/sample_snapshot.rs"]
mod sample_snapshot;

fn main() {
    print!("{}", bouncesvc::status::page::render_page(&sample_snapshot::snapshot()));
}
