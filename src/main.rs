//! The command `hub`: parses the command line and calls one function.

mod cli;

fn main() -> std::process::ExitCode {
    cli::run()
}
