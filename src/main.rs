//! The command `hub`: parses the command line and calls one function.

fn main() {}
