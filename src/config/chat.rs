//! The settings of conversations: how much a turn may use up, and what a person must approve.
//!
//! Never here: what a single message asks for instead.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How conversations are answered. A message can ask for less.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Chat {
    /// How long sending a message waits for its answer, in seconds. A longer turn goes on, and
    /// the answer says `processing`.
    pub wait_s: u32,
    /// How many answers of a model may lead to calls in one turn; the next one is the last.
    pub rounds: u32,
    /// Tokens of one turn, read and written.
    pub tokens: u64,
    /// What one turn may cost, in millionths of a US dollar, where prices are known. By default
    /// there is no limit.
    pub cost_micros: Option<u64>,
    /// Calls of tools in one turn.
    pub calls: u32,
    /// How long one turn may take, in seconds; a person's time for approval does not count.
    pub time_s: u32,
    /// How much of a conversation a model is shown, in tokens, estimated. What went before is
    /// summarised.
    pub window: u32,
    /// Whether a person must approve calls that delete or overwrite what cannot be had back.
    pub approve_destructive: bool,
    /// Whether a person must approve calls that can never be repeated, such as sending a message.
    pub approve_at_most_once: bool,
    /// How long a person has for it, in seconds.
    pub approval_s: u32,
    /// Whether other providers are asked when the first one fails and nobody named it.
    pub fallback: bool,
}

impl Default for Chat {
    fn default() -> Self {
        Self {
            wait_s: 120,
            rounds: 8,
            tokens: 200_000,
            cost_micros: None,
            calls: 32,
            time_s: 300,
            window: 12_000,
            approve_destructive: true,
            approve_at_most_once: false,
            approval_s: 86_400,
            fallback: true,
        }
    }
}
