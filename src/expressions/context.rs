//! What the expressions of a run can see: its input, its workflow, the results so far.
//!
//! The parts are shared, never copied: a context is made once per run, each result is added
//! to it, and a clone costs a few counters. Never here: what reads it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value};

/// The names that expressions can use, and their values.
#[derive(Clone, Debug)]
pub struct Context(Names);

#[derive(Clone, Debug)]
enum Names {
    Given(Arc<Value>),
    Run(Run),
}

#[derive(Clone, Debug)]
struct Run {
    input: Arc<Value>,
    workflow: Arc<Value>,
    steps: Vec<(String, Arc<Value>)>,
    operations: Vec<(String, Arc<Value>)>,
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) enum Named<'a> {
    /// A value of its own.
    Whole(&'a Arc<Value>),
    /// A member of an object.
    Member(&'a Arc<Value>, &'a Value),
    /// The results of all steps, by `step_N`.
    Steps(&'a [(String, Arc<Value>)]),
}

impl Context {
    /// A context whose names are the keys of an object; one without names for anything else.
    pub fn given(names: Arc<Value>) -> Self {
        Self(Names::Given(names))
    }

    /// The context at the start of a run: `input` (what it was given, with the defaults of
    /// the workflow's variables for what it was not given) and `workflow` (the workflow's
    /// metadata). Each key of the input is a name of its own too, unless it is taken.
    pub fn of_run(
        input: Map<String, Value>,
        workflow: Option<Map<String, Value>>,
        variables: Option<&Map<String, Value>>,
    ) -> Self {
        let mut input = input;
        for (name, definition) in variables.into_iter().flatten() {
            if let Some(default) = definition.get("default")
                && !input.contains_key(name)
            {
                input.insert(name.clone(), default.clone());
            }
        }
        Self(Names::Run(Run {
            input: Arc::new(Value::Object(input)),
            workflow: Arc::new(workflow.map_or(Value::Null, Value::Object)),
            steps: Vec::new(),
            operations: Vec::new(),
        }))
    }

    /// Adds the result of a step: as `step_N`, `steps.step_N`, and under the value of the
    /// step's parameter `operation`, where it has one and the name is free. In place of an
    /// earlier result of the same step. Does nothing to a context that is not of a run.
    pub fn record(&mut self, step: u32, operation: Option<&str>, result: Arc<Value>) {
        let Names::Run(run) = &mut self.0 else { return };
        let name = format!("step_{step}");
        match run.steps.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = Arc::clone(&result),
            None => run.steps.push((name, Arc::clone(&result))),
        }
        if let Some(operation) = operation
            && self.find(operation).is_none()
            && let Names::Run(run) = &mut self.0
        {
            run.operations.push((operation.to_owned(), result));
        }
    }

    /// The value of the run's input with this name.
    pub fn input(&self, name: &str) -> Option<&Value> {
        match &self.0 {
            Names::Run(run) => run.input.get(name),
            Names::Given(names) => names.get("input")?.get(name),
        }
    }

    /// All of it as one object, copied.
    pub fn to_value(&self) -> Value {
        let mut all = Map::new();
        for name in self.names() {
            if let Some(named) = self.find(name) {
                all.insert(name.to_owned(), named.to_value());
            }
        }
        Value::Object(all)
    }

    /// The value at a path of keys, through objects only.
    pub(super) fn at(&self, path: &str) -> Option<Cow<'_, Value>> {
        let mut keys = path.split('.');
        let found = match self.find(keys.next()?)? {
            Named::Whole(value) => value,
            Named::Member(_, value) => value,
            Named::Steps(steps) => match keys.next() {
                None => return Some(Cow::Owned(Named::Steps(steps).to_value())),
                Some(key) => &steps.iter().find(|(name, _)| name == key)?.1,
            },
        };
        keys.try_fold(found, |value, key| value.as_object()?.get(key)).map(Cow::Borrowed)
    }

    /// What a name stands for.
    pub(super) fn find(&self, name: &str) -> Option<Named<'_>> {
        let run = match &self.0 {
            Names::Given(names) => {
                return names.as_object()?.get(name).map(|value| Named::Member(names, value));
            }
            Names::Run(run) => run,
        };
        let known =
            |list: &'_ [(String, Arc<Value>)]| list.iter().position(|(known, _)| known == name);
        match name {
            "input" => Some(Named::Whole(&run.input)),
            "workflow" => Some(Named::Whole(&run.workflow)),
            "steps" => Some(Named::Steps(&run.steps)),
            _ => None,
        }
        .or_else(|| run.steps.get(known(&run.steps)?).map(|(_, value)| Named::Whole(value)))
        .or_else(|| run.input.get(name).map(|value| Named::Member(&run.input, value)))
        .or_else(|| {
            run.operations.get(known(&run.operations)?).map(|(_, value)| Named::Whole(value))
        })
    }

    /// All names, each once.
    pub(super) fn names(&self) -> Vec<&str> {
        let run = match &self.0 {
            Names::Given(names) => {
                return names
                    .as_object()
                    .into_iter()
                    .flat_map(Map::keys)
                    .map(String::as_str)
                    .collect();
            }
            Names::Run(run) => run,
        };
        let taken = ["input", "workflow", "steps"].into_iter();
        let mut seen = HashSet::new();
        taken
            .chain(run.steps.iter().map(|(name, _)| name.as_str()))
            .chain(run.input.as_object().into_iter().flat_map(Map::keys).map(String::as_str))
            .chain(run.operations.iter().map(|(name, _)| name.as_str()))
            .filter(|name| seen.insert(*name))
            .collect()
    }
}

impl Named<'_> {
    fn to_value(&self) -> Value {
        match self {
            Named::Whole(value) => Value::clone(value),
            Named::Member(_, value) => Value::clone(value),
            Named::Steps(steps) => {
                steps.iter().map(|(name, value)| (name.clone(), Value::clone(value))).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    fn run() -> Context {
        let mut context = Context::of_run(
            map(json!({"email": "a@b.c", "steps": "taken", "null": null, "step_1": "early"})),
            Some(map(json!({"team": "x"}))),
            Some(&map(json!({
                "limit": {"type": "integer", "default": 7},
                "email": {"default": "no"},
                "null": {"default": 1},
                "bare": {"type": "string"},
                "odd": 3,
            }))),
        );
        context.record(1, Some("get_template"), Arc::new(json!({"n": 1})));
        context.record(2, Some("get_template"), Arc::new(json!({"n": 2})));
        context.record(3, Some("email"), Arc::new(json!([3])));
        context
    }

    #[test]
    fn names_are_found_in_their_order() {
        let context = run();
        let table = [
            ("input.email", Some(json!("a@b.c"))),
            ("email", Some(json!("a@b.c"))),
            ("workflow.team", Some(json!("x"))),
            ("limit", Some(json!(7))),
            ("input.limit", Some(json!(7))),
            ("null", Some(json!(null))),
            ("bare", None),
            ("odd", None),
            ("step_1.n", Some(json!(1))),
            ("steps.step_2.n", Some(json!(2))),
            ("steps.step_9", None),
            ("get_template.n", Some(json!(1))),
            ("step_3", Some(json!([3]))),
            ("step_3.0", None),
            ("steps", Some(json!({"step_1": {"n": 1}, "step_2": {"n": 2}, "step_3": [3]}))),
            ("", None),
            ("input.", None),
        ];
        for (path, expected) in table {
            assert_eq!(context.at(path).map(Cow::into_owned), expected, "{path}");
        }
    }

    #[test]
    fn a_whole_context_holds_what_its_names_stand_for() {
        let context = run();
        let whole = context.to_value();
        let names: Vec<_> = whole.as_object().unwrap().keys().cloned().collect();
        let expected = ["input", "workflow", "steps", "step_1", "step_2", "step_3", "email"];
        assert_eq!(names.get(..7).unwrap(), expected);
        assert_eq!(names.len(), 10, "{names:?}");
        let same = Context::given(Arc::new(whole.clone()));
        for name in names {
            assert_eq!(same.at(&name), context.at(&name), "{name}");
        }
    }

    #[test]
    fn a_result_recorded_again_takes_the_place_of_the_first() {
        let mut context = run();
        context.record(2, None, Arc::new(json!("again")));
        assert_eq!(context.at("steps.step_2").unwrap().into_owned(), json!("again"));
    }
}
