//! The settings of a hub: what they are, what they mean, what they are by default.
//!
//! The comments on these fields are the operator's manual: `docs/config.md` is written from
//! them. Where settings come from is in `config/load.rs`. Never here: what is done with them.

mod llm;
mod load;
mod manual;
mod platforms;
mod values;

use std::path::PathBuf;

use hub_events::account::Tier;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

pub use llm::{Dialect, Llm, LlmProvider};
pub use load::{ConfigError, Sources};
pub use manual::manual;
pub use platforms::{OnePlatform, Platforms};
pub use values::{Origin, Secret};

/// All settings.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port to listen on.
    pub listen: String,
    /// Directory that holds everything: the log, the vault, files and views. A copy of it is a
    /// backup. It is created when it is missing.
    #[schema(value_type = String)]
    pub data_dir: PathBuf,
    /// Address under which clients reach this hub, as it stands in links; clients of the Model
    /// Context Protocol may ask under its host. By default `http://` and what `listen` says.
    #[schema(value_type = Option<String>)]
    pub public_url: Option<Url>,
    /// Key under which all secrets and personal content are kept: 32 bytes as base64, base64url
    /// or hex. By default the file `master.key` in the data directory, made on the first start.
    /// What is sealed under a lost key stays closed for ever.
    #[schema(value_type = Option<String>)]
    pub master_key: Option<Secret>,
    /// Key that takes the place of `master_key` when `hub vault rotate` or
    /// `POST /admin/vault/rotate` is asked for; afterwards `master_key` must say it. By default,
    /// where the present key lies in the data directory, a fresh one is made.
    #[schema(value_type = Option<String>)]
    pub new_master_key: Option<Secret>,
    /// API key of the owner, at least 16 visible characters. By default one is made on the first
    /// start and printed once.
    #[schema(value_type = Option<String>)]
    pub owner_key: Option<Secret>,
    /// Where the log is kept.
    pub store: Store,
    /// How often the log is vouched for.
    pub checkpoints: Checkpoints,
    /// What clients are answered, and how.
    pub http: Http,
    /// How people and programs sign in.
    pub auth: Auth,
    /// Requests per UTC day, by plan. From 999,999 on there is no limit.
    pub quotas: Quotas,
    /// What the hub may reach outside.
    pub egress: Egress,
    /// Platforms that can be connected.
    pub platforms: Platforms,
    /// Which models there are to talk to.
    pub llm: Llm,
    /// How workflows run.
    pub runs: Runs,
    /// How much is taken on at once.
    pub limits: Limits,
    /// What the hub writes to standard error while it works.
    pub log: Log,
}

/// Where the log is kept.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// Address of a KurrentDB (EventStoreDB 22.6 or later) server that keeps the log, such as
    /// `esdb://user:password@db.example.com:2113`; everything else stays in the data directory.
    /// By default the log is the file `hub.db` there. Nothing is moved from one to the other.
    #[schema(value_type = Option<String>)]
    pub url: Option<Secret>,
    /// What the hub's streams on that server begin with: letters, digits and `_`. One hub writes
    /// under a prefix at a time; the last to start has it.
    pub prefix: String,
}

/// How often the log is vouched for: a signed checkpoint binds where all streams stand, so that
/// `hub verify` finds a history that was written anew. There is one at every orderly stop too.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Checkpoints {
    /// After so many events.
    pub events: u64,
    /// After so many hours, where something has happened.
    pub hours: u32,
}

/// What clients are answered, and how.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Origins whose pages may call the hub from a browser, such as `https://app.example.com`;
    /// `*` allows every origin. By default none.
    #[serde(deserialize_with = "values::list")]
    #[schema(value_type = Vec<String>)]
    pub cors_origins: Vec<Origin>,
    /// Largest request body, in bytes; a larger one is answered with 413.
    pub max_body_bytes: usize,
    /// Networks of the proxies in front of the hub, whose `X-Forwarded-For` is believed.
    #[serde(deserialize_with = "values::list")]
    #[schema(value_type = Vec<String>)]
    pub trusted_proxies: Vec<IpNet>,
}

/// How people and programs sign in.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Whether anybody may open an account through `POST /auth/register`.
    pub registration: Registration,
    /// Attempts to log in or register per minute from one address; 0 for no limit.
    pub attempts_per_minute: u32,
    /// How long a login token counts, in minutes.
    pub access_minutes: u32,
    /// How long a refresh token counts, in days.
    pub refresh_days: u32,
}

/// Whether anybody may open an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Anybody may.
    Open,
    /// Only the operator opens accounts.
    Closed,
}

/// Requests per UTC day, by plan.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Quotas {
    /// For the plan `free`.
    pub free: i64,
    /// For the plan `starter`.
    pub starter: i64,
    /// For the plan `business`.
    pub business: i64,
    /// For the plan `pro`.
    pub pro: i64,
    /// For the plan `enterprise`.
    pub enterprise: i64,
}

impl Quotas {
    /// From here on a quota is none.
    const UNLIMITED: i64 = 999_999;

    /// Requests per UTC day of a plan; none where there is no limit.
    pub fn of(&self, tier: Tier) -> Option<i64> {
        let quota = match tier {
            Tier::Free => self.free,
            Tier::Starter => self.starter,
            Tier::Business => self.business,
            Tier::Pro => self.pro,
            Tier::Enterprise => self.enterprise,
        };
        (quota < Self::UNLIMITED).then_some(quota)
    }
}

/// What the hub may reach outside.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Egress {
    /// Private networks that tools may reach all the same, such as `10.0.0.0/8`. By default
    /// loopback, private, link-local and metadata addresses are refused.
    #[serde(deserialize_with = "values::list")]
    #[schema(value_type = Vec<String>)]
    pub allow: Vec<IpNet>,
}

/// How workflows run.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Runs {
    /// How long `execute` waits for the end of a run, in seconds. A longer run goes on, and the
    /// answer says `running`.
    pub wait_s: u32,
}

/// How much is taken on at once.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Commands under way in all; one more is answered with 503 and `Retry-After`.
    pub commands: usize,
    /// Commands under way for one thing, such as one run.
    pub commands_per_thing: usize,
    /// Calls of tools under way in all; others wait for their turn.
    pub calls: usize,
    /// Passwords that are hashed at a time; each takes about 19 MiB.
    pub passwords: usize,
}

/// What the hub writes to standard error while it works.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Lines for people, or one JSON object per line.
    pub format: LogFormat,
    /// What is written, in the syntax of `RUST_LOG`: `info`, or `warn,arrotech_hub=debug`.
    pub filter: String,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            data_dir: PathBuf::from("data"),
            public_url: None,
            master_key: None,
            new_master_key: None,
            owner_key: None,
            store: Store::default(),
            checkpoints: Checkpoints::default(),
            http: Http::default(),
            auth: Auth::default(),
            quotas: Quotas::default(),
            egress: Egress::default(),
            platforms: Platforms::default(),
            llm: Llm::default(),
            runs: Runs::default(),
            limits: Limits::default(),
            log: Log::default(),
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self { url: None, prefix: "hub".to_owned() }
    }
}

impl Default for Checkpoints {
    fn default() -> Self {
        Self { events: 10_000, hours: 24 }
    }
}

impl Default for Http {
    fn default() -> Self {
        let max_body_bytes = 16 * 1024 * 1024;
        Self { cors_origins: Vec::new(), max_body_bytes, trusted_proxies: Vec::new() }
    }
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            registration: Registration::Open,
            attempts_per_minute: 5,
            access_minutes: 30,
            refresh_days: 7,
        }
    }
}

impl Default for Quotas {
    fn default() -> Self {
        Self { free: 100, starter: 1_000, business: 5_000, pro: 10_000, enterprise: 999_999 }
    }
}

impl Default for Runs {
    fn default() -> Self {
        Self { wait_s: 30 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { commands: 4_096, commands_per_thing: 64, calls: 512, passwords: 2 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

impl Config {
    /// The address that links to this hub begin with.
    pub fn public_url(&self) -> String {
        let url = self.public_url.as_ref().map(Url::as_str);
        let url = url.map_or_else(|| format!("http://{}", self.listen), str::to_owned);
        url.trim_end_matches('/').to_owned()
    }
}
