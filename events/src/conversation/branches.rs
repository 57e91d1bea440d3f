//! What was said, as a tree, and the part of it that a model is shown.
//!
//! A turn is one node, named by its person's message: where its events stand and how long they
//! are, never what they say. Never here: what is under way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::MessageId;
use crate::recorded::Version;

/// What a turn adds to what a model is shown, beside its words: roles, names, marks.
const FRAME_TOKENS: u64 = 8;

/// A turn, and where it stands in the stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Node {
    parent: Option<MessageId>,
    posted: Version,
    /// From its start to its end, once it has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    span: Option<(Version, Version)>,
    tokens: u64,
    /// The summary of everything up to here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    summary: Option<Version>,
    /// What was added after its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    later: Vec<Version>,
}

/// All branches of a conversation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Branches {
    nodes: BTreeMap<MessageId, Node>,
    /// The last message of the branch that goes on.
    leaf: Option<MessageId>,
}

/// What a model is shown of a conversation, by where it stands in the stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// What went before, as a summary.
    pub summary: Option<SummaryPlace>,
    /// Whole turns, oldest first; the last is the one under way.
    pub turns: Vec<Stretch>,
}

/// Where a summary stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SummaryPlace {
    /// The newest turn in it.
    pub up_to: MessageId,
    /// The version of its event.
    pub version: Version,
}

/// Where a turn stands. Events of other turns may stand between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The turn, by its person's message.
    pub turn: MessageId,
    /// The version of that message's event.
    pub posted: Version,
    /// The versions of its first and its last event, if it has begun.
    pub span: Option<(Version, Version)>,
    /// The versions of events that settled its calls after its end.
    pub later: Vec<Version>,
}

impl Branches {
    pub(super) fn leaf(&self) -> Option<MessageId> {
        self.leaf
    }

    pub(super) fn has(&self, message: MessageId) -> bool {
        self.nodes.contains_key(&message)
    }

    /// What a message follows; none where there is no such message.
    pub(super) fn parent(&self, message: MessageId) -> Option<Option<MessageId>> {
        self.nodes.get(&message).map(|node| node.parent)
    }

    /// The newest continuation of a message: its last answer's, and so on.
    pub(super) fn newest_after(&self, message: MessageId) -> MessageId {
        let mut newest: BTreeMap<MessageId, (Version, MessageId)> = BTreeMap::new();
        for (child, node) in &self.nodes {
            let Some(parent) = node.parent else { continue };
            let known = newest.entry(parent).or_insert((node.posted, *child));
            *known = (*known).max((node.posted, *child));
        }
        let mut at = message;
        while let Some((_, child)) = newest.get(&at) {
            at = *child;
        }
        at
    }

    pub(super) fn post(
        &mut self,
        message: MessageId,
        parent: Option<MessageId>,
        tokens: u32,
        posted: Version,
    ) {
        let tokens = FRAME_TOKENS + u64::from(tokens);
        let node = Node { parent, posted, span: None, tokens, summary: None, later: Vec::new() };
        self.nodes.insert(message, node);
        self.leaf = Some(message);
    }

    pub(super) fn select(&mut self, leaf: MessageId) {
        self.leaf = Some(leaf);
    }

    fn node(&mut self, turn: MessageId, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(&turn) {
            change(node);
        }
    }

    pub(super) fn start(&mut self, turn: MessageId, version: Version) {
        self.node(turn, |node| node.span = Some((version, version)));
    }

    pub(super) fn end(&mut self, turn: MessageId, version: Version) {
        self.node(turn, |node| node.span = node.span.map(|(first, _)| (first, version)));
    }

    pub(super) fn lengthen(&mut self, turn: MessageId, tokens: u64) {
        self.node(turn, |node| node.tokens = node.tokens.saturating_add(tokens));
    }

    pub(super) fn summarise(&mut self, up_to: MessageId, version: Version) {
        self.node(up_to, |node| node.summary = Some(version));
    }

    pub(super) fn add_later(&mut self, turn: MessageId, version: Version) {
        self.node(turn, |node| node.later.push(version));
    }

    /// The turns before one, newest first.
    fn before(&self, turn: MessageId) -> impl Iterator<Item = (MessageId, &Node)> {
        let parent = |message: &MessageId| self.nodes.get(message).and_then(|node| node.parent);
        std::iter::successors(parent(&turn), parent)
            .filter_map(|message| self.nodes.get(&message).map(|node| (message, node)))
    }

    /// The newest turn that must go into a summary, so that what precedes `turn` fits into
    /// `window` again; none where it fits. What stays whole is half a window at most, so that
    /// not every turn needs a new summary.
    pub(super) fn to_summarise(&self, turn: MessageId, window: u32) -> Option<MessageId> {
        let (mut sum, mut up_to) = (0u64, None);
        for (message, node) in self.before(turn).take_while(|(_, node)| node.summary.is_none()) {
            sum = sum.saturating_add(node.tokens);
            if up_to.is_none() && sum > u64::from(window / 2) {
                up_to = Some(message);
            }
            if sum > u64::from(window) {
                return up_to;
            }
        }
        None
    }

    /// What a model is shown in `turn`: the turn itself, up to `now`, and before it as many
    /// whole turns as fit into `window`, back to the newest summary.
    pub(super) fn window(&self, turn: MessageId, window: u32, now: Version) -> Window {
        let mut shown = Window::default();
        let Some(own) = self.nodes.get(&turn) else { return shown };
        let span = own.span.map(|(first, _)| (first, now));
        shown.turns.push(Stretch { span, ..own.stretch(turn) });
        let mut sum = 0u64;
        for (turn, node) in self.before(turn) {
            if let Some(version) = node.summary {
                shown.summary = Some(SummaryPlace { up_to: turn, version });
                break;
            }
            sum = sum.saturating_add(node.tokens);
            if sum > u64::from(window) {
                shown.summary = self.summary_before(turn);
                break;
            }
            shown.turns.push(node.stretch(turn));
        }
        shown.turns.reverse();
        shown
    }

    /// Everything up to a turn, back to the summary before it.
    pub(super) fn up_to(&self, turn: MessageId) -> Window {
        let own = self.nodes.get(&turn).map(|node| (turn, node));
        let mut shown = Window::default();
        for (turn, node) in own.into_iter().chain(self.before(turn)) {
            if let Some(version) = node.summary {
                shown.summary = Some(SummaryPlace { up_to: turn, version });
                break;
            }
            shown.turns.push(node.stretch(turn));
        }
        shown.turns.reverse();
        shown
    }

    fn summary_before(&self, turn: MessageId) -> Option<SummaryPlace> {
        self.before(turn)
            .find_map(|(up_to, node)| node.summary.map(|version| SummaryPlace { up_to, version }))
    }
}

impl Node {
    fn stretch(&self, turn: MessageId) -> Stretch {
        let Self { posted, span, later, .. } = self;
        Stretch { turn, posted: *posted, span: *span, later: later.clone() }
    }
}
