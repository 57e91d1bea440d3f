//! Where settings come from: flags over the environment over a file over defaults.
//!
//! Never here: what a setting means.

use std::path::PathBuf;

use config::{Environment, File, FileFormat};

use super::{Config, llm};

/// The places that settings are read from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file that was named; where none was, `hub.toml` if it is there.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// What flags say, by the setting's name: `("data_dir", "/var/lib/hub")`.
    pub flags: Vec<(&'static str, String)>,
}

/// Settings that make no sense.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read, or is not TOML.
    #[error("the settings cannot be read: {0}")]
    Source(#[source] config::ConfigError),
    /// A setting is unknown or has the wrong form.
    #[error("the setting `{path}` is wrong: {reason}")]
    Setting {
        /// The setting.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

const PREFIX: &str = "HUB";

impl Sources {
    /// Those of this process, with a file that was named and what flags say.
    pub fn of_process(file: Option<PathBuf>, flags: Vec<(&'static str, String)>) -> Self {
        // A variable that is not UTF-8 is none of ours.
        let readable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self { file, environment: std::env::vars_os().filter_map(readable).collect(), flags }
    }

    /// Reads the settings.
    pub fn load(self) -> Result<Config, ConfigError> {
        let file = match &self.file {
            Some(path) => File::from(path.as_path()).format(FileFormat::Toml).required(true),
            None => File::new("hub.toml", FileFormat::Toml).required(false),
        };
        let mut environment = self.environment.into_iter().collect();
        llm::understand(&mut environment);
        let environment = Environment::with_prefix(PREFIX)
            .prefix_separator("_")
            .separator("__")
            .source(Some(environment.into_iter().filter(is_setting).collect()));
        let mut builder = config::Config::builder().add_source(file).add_source(environment);
        for (name, value) in self.flags {
            builder = builder.set_override(name, value).map_err(ConfigError::Source)?;
        }
        let settings = builder.build().map_err(ConfigError::Source)?;
        serde_path_to_error::deserialize(settings).map_err(|error| ConfigError::Setting {
            path: error.path().to_string(),
            reason: error.into_inner().to_string(),
        })
    }
}

/// Whether a variable is meant as a setting. `HUB_CONFIG` names the file; Kubernetes sets
/// `HUB_PORT…` and `HUB_SERVICE_…` for a service called `hub`.
fn is_setting((name, _): &(String, String)) -> bool {
    name.strip_prefix("HUB_").is_some_and(|rest| {
        rest != "CONFIG"
            && rest != "PORT"
            && !rest.starts_with("PORT_")
            && !rest.starts_with("SERVICE_")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

    use super::*;

    fn load(
        toml: &str,
        environment: &[(&str, &str)],
        flags: &[(&'static str, &str)],
    ) -> Result<Config, String> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("settings");
        std::fs::write(&file, toml).unwrap();
        let sources = Sources {
            file: Some(file),
            environment: environment.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            flags: flags.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        };
        sources.load().map_err(|error| error.to_string())
    }

    #[test]
    fn flags_go_before_the_environment_before_the_file_before_defaults() {
        let toml = "listen = 'file:1'\ndata_dir = 'file'\n[runs]\nwait_s = 1\n";
        let environment = [("HUB_LISTEN", "env:2"), ("HUB_DATA_DIR", "env"), ("OTHER", "x")];
        let config = load(toml, &environment, &[("listen", "flag:3")]).unwrap();
        assert_eq!(config.listen, "flag:3");
        assert_eq!(config.data_dir, PathBuf::from("env"));
        assert_eq!(config.runs.wait_s, 1);
        assert_eq!(config.auth.attempts_per_minute, 5);
    }

    #[test]
    fn the_environment_has_numbers_words_lists_and_keys_of_digits() {
        let environment = [
            ("HUB_RUNS__WAIT_S", "7"),
            ("HUB_AUTH__REGISTRATION", "closed"),
            ("HUB_EGRESS__ALLOW", "127.0.0.0/8, 10.0.0.0/8"),
            ("HUB_HTTP__CORS_ORIGINS", "https://a.example"),
            ("HUB_OWNER_KEY", "00000000000000000017"),
            ("HUB_PLATFORMS__DIR", "/etc/hub/platforms"),
            ("HUB_PLATFORMS__SLACK__BASE_URL", "http://127.0.0.1:9/api"),
            ("HUB_CONFIG", "elsewhere.toml"),
            ("HUB_PORT", "tcp://10.0.0.1:80"),
            ("HUB_SERVICE_HOST", "10.0.0.1"),
        ];
        let config = load("", &environment, &[]).unwrap();
        assert_eq!(config.runs.wait_s, 7);
        assert_eq!(config.auth.registration, super::super::Registration::Closed);
        assert_eq!(config.egress.allow.len(), 2);
        assert_eq!(config.platforms.dir, Some(PathBuf::from("/etc/hub/platforms")));
        assert_eq!(config.platforms.each["slack"].base_url.path(), "/api");
        let origin = super::super::Origin::One("https://a.example".into());
        assert_eq!(config.http.cors_origins, [origin]);
        assert_eq!(config.owner_key.unwrap().reveal(), "00000000000000000017");
    }

    #[test]
    fn models_are_set_by_the_hubs_names_before_those_that_everyone_uses() {
        let toml = "[llm.openai]\nmodel = 'from-file'\nbase_url = 'https://file.example/v1'\n\
                    [llm.mine]\nbase_url = 'http://10.0.0.7:8000/v1'\ndialect = 'openai'\n";
        let environment = [
            ("OPENAI_API_KEY", "everyone"),
            ("OPENAI_BASE_URL", "https://everyone.example/v1"),
            ("HUB_LLM__ANTHROPIC__API_KEY", "0042"),
            ("ANTHROPIC_API_KEY", "everyone"),
            ("GEMINI_API_KEY", " "),
            ("OLLAMA_HOST", "0.0.0.0"),
            ("HF_TOKEN", "hf"),
            ("HUB_LLM__DEFAULT", "mine:small"),
            ("HUB_LLM__SILENCE_S", "9"),
        ];
        let llm = load(toml, &environment, &[]).unwrap().llm;
        let of = |name: &str| llm.providers.get(name);
        let key = |name| of(name)?.api_key.as_ref().map(|key| key.reveal().to_owned());
        let url = |name| of(name)?.base_url.as_ref().map(ToString::to_string);
        assert_eq!(key("openai").as_deref(), Some("everyone"));
        assert_eq!(of("openai").unwrap().model.as_deref(), Some("from-file"));
        assert_eq!(url("openai").as_deref(), Some("https://everyone.example/v1"));
        assert_eq!(key("anthropic").as_deref(), Some("0042"));
        assert!(of("gemini").is_none());
        assert_eq!(url("ollama").as_deref(), Some("http://127.0.0.1:11434/"));
        assert_eq!(key("huggingface").as_deref(), Some("hf"));
        assert_eq!(of("mine").unwrap().dialect, Some(super::super::Dialect::OpenAi));
        assert_eq!((llm.default.as_deref(), llm.silence_s), (Some("mine:small"), 9));
    }

    #[test]
    fn what_is_wrong_is_named() {
        type Variables = &'static [(&'static str, &'static str)];
        let wrong: [(&str, Variables, &str); 12] = [
            ("[llm.openai]\nkey = 'x'", &[], "llm.openai.key"),
            ("", &[("HUB_LLM__OPENAI_API_KEY", "x")], "llm.openai_api_key"),
            ("", &[("OPENAI_BASE_URL", "api.example")], "llm.openai.base_url"),
            ("", &[("HUB_LLM__MINE__DIALECT", "latin")], "llm.mine.dialect"),
            ("[http]\ncors_origins = ['a.example']", &[], "a.example"),
            ("lisen = 'x'", &[], "lisen"),
            ("[http]\ncors = []", &[], "cors"),
            ("", &[("HUB_DATADIR", "x")], "datadir"),
            ("[runs]\nwait_s = 'soon'", &[], "runs.wait_s"),
            ("", &[("HUB_EGRESS__ALLOW", "10.0.0.0/99")], "10.0.0.0/99"),
            ("", &[("HUB_PLATFORMS__SLACK__BASE_URL", "slack")], "platforms"),
            ("[platforms.slack]\nurl = 'https://a.example'", &[], "url"),
        ];
        for (toml, environment, named) in wrong {
            let error = load(toml, environment, &[]).unwrap_err();
            assert!(error.contains(named), "{error} does not name {named}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let environment = [("HUB_OWNER_KEY", "very-secret-key-1"), ("HUB_MASTER_KEY", "abcdef")];
        let config = load("", &environment, &[]).unwrap();
        let shown = format!("{config:?}{}", serde_json::to_string(&config).unwrap());
        assert!(!shown.contains("very-secret") && !shown.contains("abcdef"));
    }
}
