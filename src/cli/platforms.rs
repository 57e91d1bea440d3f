//! `hub platforms`: whether a manifest is right, which platforms there are, and a first draft.
//!
//! Never here: what a manifest means.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use arrotech_hub::config::Config;
use arrotech_hub::platforms::check::Fault;
use arrotech_hub::platforms::{Catalogue, Platform, import};
use clap::{Subcommand, ValueHint};
use serde::Serialize;

use super::output::Output;

#[derive(Debug, Subcommand)]
pub(super) enum Platforms {
    /// Check a manifest: exit code 0, or 1 and every fault with its line
    Check {
        /// The manifest
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Print every platform and what it offers
    List,
    /// Draft a manifest from a description in OpenAPI 3 or Swagger 2 (JSON), to be finished by hand
    Import {
        /// The description
        #[arg(value_name = "OPENAPI_FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// The platform's id; made from the description's title where none is given
        #[arg(long, value_name = "ID")]
        id: Option<String>,
    },
}

impl Platforms {
    /// Does what was asked for.
    pub(super) fn run(self, config: &Config, output: &mut Output) -> anyhow::Result<()> {
        let text = |file: &PathBuf| {
            std::fs::read_to_string(file)
                .with_context(|| format!("{} cannot be read", file.display()))
        };
        match self {
            Self::Check { file } => {
                let faults = match Platform::read(&text(&file)?) {
                    Ok(platform) => {
                        let tools = platform.manifest().tools.len();
                        let right = Right { id: platform.id().to_owned(), tools };
                        output.print(&right)?;
                        return Ok(output.flush()?);
                    }
                    Err(faults) => faults,
                };
                for fault in &faults {
                    output.print(&Wrong(fault))?;
                }
                output.flush()?;
                bail!("{}: {} faults", file.display(), faults.len());
            }
            Self::List => {
                for platform in Catalogue::of(config).all() {
                    output.print(&Line::of(&platform))?;
                }
            }
            Self::Import { file, id } => {
                let drafted = import::draft(&text(&file)?, id.as_deref())
                    .with_context(|| format!("{} is no description", file.display()))?;
                output.print(&Draft { manifest: drafted })?;
            }
        }
        Ok(output.flush()?)
    }
}

#[derive(Serialize)]
struct Right {
    id: String,
    tools: usize,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The manifest of {} is right; it has {} tools", self.id, self.tools)
    }
}

struct Wrong<'f>(&'f Fault);

impl Serialize for Wrong<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Record<'f> {
            line: usize,
            path: String,
            message: &'f str,
        }
        let Fault { path, line, message } = self.0;
        Record { line: *line, path: path.join("."), message }.serialize(serializer)
    }
}

impl fmt::Display for Wrong<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Serialize)]
struct Line {
    id: String,
    name: String,
    category: String,
    tier: &'static str,
    tools: usize,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl Line {
    fn of(platform: &Platform) -> Self {
        let manifest = platform.manifest();
        let (state, why) = if let Some(why) = &manifest.not_offered {
            ("not offered", Some(why))
        } else if let Some(why) = &manifest.disabled {
            ("disabled", Some(why))
        } else if let Some(why) = &manifest.unverified {
            ("unverified", Some(why))
        } else {
            ("verified", None)
        };
        Self {
            id: manifest.id.clone(),
            name: manifest.name.clone(),
            category: manifest.category.clone(),
            tier: manifest.tier.as_str(),
            tools: manifest.tools.len(),
            state,
            why: why.cloned(),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, name, category, tier, tools, state, why } = self;
        write!(f, "{id:20} {tools:3} tools  {category:14} {tier:10} {state:11} {name}")?;
        match why {
            Some(why) => write!(f, ": {why}"),
            None => Ok(()),
        }
    }
}

#[derive(Serialize)]
struct Draft {
    manifest: String,
}

impl fmt::Display for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.manifest.trim_end())
    }
}
