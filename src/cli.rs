//! The command line: what can be asked of `hub`, and how it ends.
//!
//! One file per command in `cli/`. Never here: what a server does; that is the library's.

mod account;
mod config;
mod data;
mod events;
mod key;
mod mcp;
mod output;
mod platforms;
mod rebuild;
mod replay;
mod vault;
mod verify;

use std::io::{self, Write as _};
use std::process::ExitCode;

use arrotech_hub::config::{Config, ConfigError, Sources};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueHint};

use output::Output;

/// A self-hosted hub for autonomous AI agents and workflow automation that never loses or
/// repeats work.
///
/// Without a command it serves. Every setting can also be given in `hub.toml` or as
/// `HUB_<SECTION>__<FIELD>`; `hub config` shows what counts.
#[derive(Debug, Parser)]
#[command(name = "hub", version, max_term_width = 100)]
struct Line {
    #[command(flatten)]
    everywhere: Everywhere,
    #[command(flatten)]
    serve: Serve,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What every command takes.
#[derive(Debug, Args)]
struct Everywhere {
    /// Directory that holds everything (HUB_DATA_DIR) [default: data]
    #[arg(long, value_name = "DIR", global = true, value_hint = ValueHint::DirPath)]
    data_dir: Option<String>,
    /// File with settings (HUB_CONFIG) [default: hub.toml, where there is one]
    #[arg(long, value_name = "FILE", global = true, value_hint = ValueHint::FilePath)]
    #[arg(env = "HUB_CONFIG", hide_env = true)]
    config: Option<std::path::PathBuf>,
    /// Print JSON, one object per line; a server writes its log that way
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Default, Args)]
struct Serve {
    /// Address and port to listen on (HUB_LISTEN) [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (what `hub` alone does)
    Serve(Serve),
    /// Print what happened, oldest first; works beside a running server
    Events(events::Events),
    /// Print the state of one thing, now or at any moment of its past, as JSON
    Replay(replay::Replay),
    /// Check that the log is complete and unchanged: exit code 0, or 1 and the first bad position
    Verify(verify::Verify),
    /// Compute all read models anew from the log, while no server runs
    Rebuild,
    /// Print the settings that count, without secrets
    Config,
    /// Check, list and draft manifests of platforms
    #[command(subcommand)]
    Platforms(platforms::Platforms),
    /// Speak the Model Context Protocol over standard input and output, for clients that start
    /// their servers
    Mcp(mcp::Mcp),
    /// Open and list accounts, while no server runs
    #[command(subcommand)]
    Account(account::Account),
    /// Make, list and revoke API keys, while no server runs
    #[command(subcommand)]
    Key(key::Key),
    /// Look after the keys under which everything is kept, while no server runs
    #[command(subcommand)]
    Vault(vault::Vault),
}

/// Does what the command line asks for.
pub(crate) fn run() -> ExitCode {
    let line = Line::parse();
    match answer(line) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads, such as `head`, has enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "hub: {}", told(&error));
            ExitCode::FAILURE
        }
    }
}

fn answer(line: Line) -> anyhow::Result<()> {
    let Line { everywhere, serve, command } = line;
    let json = everywhere.json;
    let (serve, command) = match command {
        None => (serve, None),
        Some(Command::Serve(named)) => (Serve { listen: named.listen.or(serve.listen) }, None),
        Some(_) if serve.listen.is_some() => {
            let what = "`--listen` is for `hub serve`";
            Line::command().error(ErrorKind::ArgumentConflict, what).exit()
        }
        command => (serve, command),
    };
    let config = everywhere.settings(serve, command.is_none())?;
    let mut output = Output::new(json);
    match command {
        None | Some(Command::Serve(_)) => serve_with(config),
        Some(Command::Events(events)) => events.print(&config, &mut output),
        Some(Command::Replay(replay)) => replay.print(&config, &mut output),
        Some(Command::Verify(verify)) => verify.print(&config, &mut output),
        Some(Command::Rebuild) => rebuild::rebuild(&config, &mut output),
        Some(Command::Config) => config::print(config, &mut output),
        Some(Command::Platforms(platforms)) => platforms.run(&config, &mut output),
        Some(Command::Mcp(mcp)) => mcp.speak(config),
        Some(Command::Account(account)) => account.run(config, &mut output),
        Some(Command::Key(key)) => key.run(config, &mut output),
        Some(Command::Vault(vault)) => vault.run(config, &mut output),
    }
}

fn serve_with(config: Config) -> anyhow::Result<()> {
    Ok(actix_rt::System::new().block_on(arrotech_hub::serve(config))?)
}

impl Everywhere {
    /// The settings, with what the command line says above all else.
    fn settings(self, serve: Serve, serving: bool) -> Result<Config, ConfigError> {
        let log_format = (serving && self.json).then(|| "json".to_owned());
        let flags =
            [("data_dir", self.data_dir), ("listen", serve.listen), ("log.format", log_format)];
        let given = flags.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Sources::of_process(self.config, given.collect()).load()
    }
}

/// An error with its causes, as far as they say something that it does not.
fn told(error: &anyhow::Error) -> String {
    let mut told = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !told.contains(&cause) {
            told = format!("{told}: {cause}");
        }
    }
    told
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let failed = error.downcast_ref::<io::Error>();
    failed.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
