//! A load program for the server: starts the real binary over a data directory of its own, asks
//! it over HTTP, and tells what that costs.
//!
//! `cargo bench --bench load -- runs [RUNS] [CONNECTIONS …]`: runs of a workflow.
//! `cargo bench --bench load -- start [RUNS]`: the start over a log with so many runs in it.
//! `cargo bench --bench load -- list [REQUESTS]`: the list of an account with 100 workflows,
//! against a bare handler of the same bytes.
//!
//! CPU is the server's alone, as the operating system counts it (Linux only).

// A measurement needs a clock, and fails loudly.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::indexing_slicing)]
#![allow(clippy::print_stdout)]

mod list;
mod runs;
mod server;
mod start;

fn main() {
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let numbers: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    match words.first().map(String::as_str) {
        // This program itself, as the server that is compared with.
        Some("bare") => list::serve_bare(&words[1]),
        Some("start") => tokio(start::measure(numbers.first().copied())),
        Some("list") => tokio(list::measure(numbers.first().copied())),
        _ => tokio(runs::measure(&numbers)),
    }
}

fn tokio(measuring: impl Future<Output = ()>) {
    tokio::runtime::Runtime::new().unwrap().block_on(measuring);
}
