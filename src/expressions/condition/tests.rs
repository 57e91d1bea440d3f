#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn context() -> Context {
    Context::given(Arc::new(json!({
        "input": {"type": "enterprise", "n": 5, "s": " 7 ", "b": true, "e": "", "l": [1, "ell"],
                  "nul": null, "nan": "nan", "w": "hello", "a.b": 1, "platforms": ["twitter"]},
        "step_1": {"total": 3},
    })))
}

#[test]
fn fields_are_compared_as_the_contract_says() {
    let table = [
        // equals, not_equals: deep, no coercion between strings and numbers
        ("input.type", "equals", json!("enterprise"), true),
        ("input.type", "not_equals", json!("enterprise"), false),
        ("input.n", "equals", json!(5.0), true),
        ("input.n", "equals", json!("5"), false),
        ("input.b", "equals", json!(1), true),
        ("input.l", "equals", json!([1.0, "ell"]), true),
        ("input.gone", "equals", json!(null), true),
        ("input.gone", "not_equals", json!(0), true),
        // contains: the text form
        ("input.w", "contains", json!("ell"), true),
        ("input.w", "not_contains", json!("ell"), false),
        ("input.l", "contains", json!("ell"), true),
        ("input.l", "contains", json!("[1, 'ell']"), true),
        ("input.n", "contains", json!("5"), true),
        ("input.gone", "contains", json!("on"), true),
        ("input.w", "contains", json!(""), true),
        // greater_than, less_than: as Python's floats
        ("input.n", "greater_than", json!(4), true),
        ("input.n", "greater_than", json!(5), false),
        ("input.s", "less_than", json!("1e1"), true),
        ("input.b", "greater_than", json!(0.5), true),
        ("input.nan", "greater_than", json!(0), false),
        ("input.nan", "less_than", json!(0), false),
        ("input.n", "less_than", json!("inf"), true),
        // exists, not_exists
        ("input.n", "exists", json!(null), true),
        ("input.e", "exists", json!(null), false),
        ("input.nul", "not_exists", json!(1), true),
        ("input.gone", "not_exists", json!(null), true),
        ("input.b", "not_exists", json!(null), false),
        // paths go through objects only
        ("input.l.0", "exists", json!(null), false),
        ("input.a.b", "exists", json!(null), false),
        // an operator that does not exist
        ("input.n", "greater_than_or_equal", json!(100), true),
        ("input.n", "in", json!([]), true),
    ];
    for (field, operator, value, expected) in table {
        let condition = json!({"type": "if", "field": field, "operator": operator, "value": value});
        let evaluation = evaluate(Some(&condition), &context());
        assert_eq!(evaluation.map(|evaluation| evaluation.result), Ok(expected), "{condition}");
    }
}

#[test]
fn anything_else_is_true() {
    let others = [
        json!({}),
        json!({"type": "and"}),
        json!({"type": "router", "expression": "false", "branches": {}}),
        json!({"field": "input.n", "operator": "equals", "value": 6}),
        json!(null),
        json!("if"),
        json!([]),
        json!({"type": "if", "field": "input.n", "operator": null, "value": 6}),
        json!({"if": true}),
    ];
    for condition in others {
        let evaluation = evaluate(Some(&condition), &context()).expect("comparable");
        assert!(evaluation.result, "{condition}");
    }
    assert!(evaluate(None, &context()).expect("comparable").result);
}

#[test]
fn an_evaluation_shows_what_was_compared() {
    let show = |condition| {
        let evaluation = evaluate(Some(&condition), &context()).expect("comparable");
        serde_json::to_value(evaluation).expect("JSON")
    };
    assert_eq!(
        show(json!({"type": "if", "field": "input.n", "value": 6})),
        json!({"result": false, "evaluated_value": 5, "expected_value": 6, "operator": "equals"})
    );
    assert_eq!(
        show(json!({"type": "and", "field": "input.n", "operator": "or"})),
        json!({"result": true, "evaluated_value": 5, "expected_value": null, "operator": "or"})
    );
    assert_eq!(
        show(json!({"if": "input.n > 4"})),
        json!({"result": true, "evaluated_value": true, "expected_value": null, "operator": "if"})
    );
}

#[test]
fn values_that_cannot_be_compared_say_so() {
    let table = [
        (
            "input.w",
            "contains",
            json!(5),
            "contains needs a string as value, but there is a number",
        ),
        (
            "input.w",
            "not_contains",
            json!(null),
            "contains needs a string as value, but there is null",
        ),
        (
            "input.gone",
            "greater_than",
            json!(1),
            "a number is needed to compare, but there is null",
        ),
        (
            "input.e",
            "less_than",
            json!(1),
            "a number is needed to compare, but there is an empty string",
        ),
        ("input.w", "less_than", json!(1), {
            "a number is needed to compare, but there is a string that is no number"
        }),
        ("input.n", "less_than", json!([1]), "a number is needed to compare, but there is a list"),
        ("input", "less_than", json!(1), "a number is needed to compare, but there is an object"),
    ];
    for (field, operator, value, message) in table {
        let condition = json!({"type": "if", "field": field, "operator": operator, "value": value});
        let expected = ConditionError::Incomparable { message: message.into() };
        assert_eq!(evaluate(Some(&condition), &context()), Err(expected), "{condition}");
    }
}

#[test]
fn expressions_hold_or_are_false() {
    let table = [
        ("'twitter' in input.platforms", true),
        ("twitter in input.platforms", false),
        ("step_1.total < input.n", true),
        ("step_1.total < input.gone", false),
        ("input.w", true),
        ("input.gone", false),
        ("not input.gone", true),
        ("input.gone is defined", false),
        ("input.gone.deep", false),
        ("input.b and input.n == 5", true),
        ("input.l|length > 1", true),
        ("input.w.startswith('he')", true),
        ("this is no expression", false),
        ("input.n %}{{ 1", false),
        ("", false),
    ];
    for (expression, expected) in table {
        let condition = Condition::compile(Some(&json!({"if": expression})));
        assert!(!condition.is_always());
        assert_eq!(condition.holds(&context()), Ok(expected), "{expression}");
    }
    let heavy = Condition::compile(Some(&json!({"if": "('x' * 10000000000)|length"})));
    assert_eq!(heavy.holds(&context()), Err(ConditionError::Limit(Limit::Work)));
    let long = Condition::compile(Some(&json!({"if": "-".repeat(10_000)})));
    assert!(matches!(long.holds(&context()), Err(ConditionError::Limit(Limit::Grammar(_)))));
}

proptest! {
    #[test]
    fn nothing_panics(expression in ".{0,40}", field in ".{0,10}", value in ".{0,10}") {
        let _ = evaluate(Some(&json!({"if": expression})), &context());
        for operator in ["equals", "contains", "less_than", "exists"] {
            let condition =
                json!({"type": "if", "field": field, "operator": operator, "value": value});
            let _ = evaluate(Some(&condition), &context());
        }
    }
}
