#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn run(filter: &str, input: Value) -> Result<Value, JqError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let now = DateTime::from_timestamp_micros(1_500_000).expect("a time");
        Jq::compile(filter).await?.run(Arc::new(input), now).await
    })
}

fn input() -> Value {
    json!({"a": [1, 2, 3], "s": "x,y", "o": {"k": [{"v": 1}, {"v": null}]}, "f": 1.5})
}

#[test]
fn filters_give_what_jq_gives() {
    let table = [
        (".", input()),
        (".a[1]", json!(2)),
        (".a[]", json!([1, 2, 3])),
        ("empty", json!(null)),
        (".nope", json!(null)),
        ("[.a[] | . * 2 + 1]", json!([3, 5, 7])),
        ("(1, 2) * (10, 100)", json!([10, 100, 20, 200])),
        ("\"ab\" * 2, 2 * \"ab\"", json!(["abab", "abab"])),
        ("{a: 1, b: {c: 2}} * {b: {d: 3}}", json!({"a": 1, "b": {"c": 2, "d": 3}})),
        (".a | map(select(. > 1)) | add", json!(5)),
        ("reduce .a[] as $x (0; . + $x)", json!(6)),
        ("[foreach .a[] as $x (0; . + $x; [$x, .])]", json!([[1, 1], [2, 3], [3, 6]])),
        ("[.o.k[] | .v // \"none\"]", json!([1, "none"])),
        (".o.k[0].v = 9 | .o.k", json!([{"v": 9}, {"v": null}])),
        (".a[1:] |= map(. * 10) | .a", json!([1, 20, 30])),
        (".a |= (.[0] += 5 | .[1] -= 1 | .[2] *= 4) | .a", json!([6, 1, 12])),
        (".a[] /= 2 | .a", json!([0.5, 1.0, 1.5])),
        (".x //= 3 | .x", json!(3)),
        ("del(.a[0], .s, .o, .f)", json!({"a": [2, 3]})),
        (".s | split(\",\") | join(\"-\")", json!("x-y")),
        ("\"\\(.f) and \\(.a)\"", json!("1.5 and [1,2,3]")),
        ("@json \"v: \\(.a)\", (.s | @base64)", json!(["v: [1,2,3]", "eCx5"])),
        ("to_entries | map(.key)", json!(["a", "s", "o", "f"])),
        ("with_entries(.value |= type)", {
            json!({"a": "array", "s": "string", "o": "object", "f": "number"})
        }),
        ("[paths(type == \"number\")] | length", json!(5)),
        ("[limit(3; repeat(1))], first(range(5; 0; -2)), [range(0; 5; 2)]", {
            json!([[1, 1, 1], 5, [0, 2, 4]])
        }),
        ("def f(x): x * x; f(.a[2])", json!(9)),
        ("def fac: if . <= 1 then 1 else . * (. - 1 | fac) end; 10 | fac", json!(3628800)),
        ("[.a[] as $x | .a[] as $y | select($x < $y) | [$x, $y]] | length", json!(3)),
        (". as {a: [$x], o: {$k}} | [$x, ($k | length)]", json!([1, 2])),
        ("{a, \"s\", f: 2, (.s): 3}", json!({"a": [1, 2, 3], "s": "x,y", "f": 2, "x,y": 3})),
        ("try error(\"no\") catch .", json!("no")),
        ("[.a[] | tostring | tonumber]", json!([1, 2, 3])),
        ("\"[1,{}]\" | fromjson", json!([1, {}])),
        ("[.o | .. | numbers]", json!([1])),
        ("path(.o.k[0].v)", json!(["o", "k", 0, "v"])),
        ("[.s | test(\"^x\"), gsub(\"[xy]\"; \"z\")]", json!([true, "z,z"])),
        ("label $out | .a[] | if . == 2 then ., break $out else . end", json!([1, 2])),
        ("[.a | group_by(. % 2)[] | length], (.a | sort_by(-.))", json!([[1, 2], [3, 2, 1]])),
        ("now", json!(1.5)),
        ("nan, infinite, 100000000000000000000", json!([null, f64::MAX, 1e20])),
        ("[.a[] | until(. > 10; . * 3)]", json!([27, 18, 27])),
        ("reduce range(100000) as $i (0; . + 1)", json!(100000)),
        ("reduce range(50000) as $i ([]; . + [$i]) | length", json!(50000)),
        ("reduce range(50000) as $i (\"\"; . + \"x\") | length", json!(50000)),
        ("reduce range(20000) as $i ({}; .[\"k\\($i)\"] = $i) | length", json!(20000)),
        (
            "[range(50000) | {id: ., name: \"n\\(.)\"}] | map(select(.id > 10)) | length",
            json!(49989),
        ),
        ("def f: if . < 100000 then . + 1 | f else . end; 0 | f", json!(100000)),
    ];
    for (filter, expected) in table {
        assert_eq!(run(filter, input()), Ok(expected), "{filter}");
    }
}

#[test]
fn a_filter_that_is_none_says_where() {
    let table = [
        ("", "term is expected, but there is the end"),
        (".a |", "term is expected, but there is the end"),
        (".a ]", "at byte 3"),
        ("nofilter", "filter nofilter is not defined"),
        ("f(1)", "filter f is not defined"),
        ("$x", "variable $x is not defined"),
        ("env", "filter env is not defined"),
        ("$ENV", "variable $ENV is not defined"),
        ("input", "filter input is not defined"),
        ("halt", "filter halt is not defined"),
        ("debug", "filter debug is not defined"),
        ("localtime", "filter localtime is not defined"),
        ("import \"a\" as a; 1", "nothing is expected, but there is \"a\""),
        ("include \"a\"; 1", "nothing is expected, but there is \"a\""),
    ];
    for (filter, expected) in table {
        let expected = JqError::Syntax(expected.into());
        assert_eq!(run(filter, json!(null)), Err(expected), "{filter}");
    }
}

#[test]
fn a_filter_that_fails_says_why_in_few_words() {
    assert_eq!(
        run(".a + 1", json!({"a": "x"})),
        Err(JqError::Failed("cannot calculate \"x\" + 1".into()))
    );
    let Err(JqError::Failed(said)) = run(".a + 1", json!({"a": "x".repeat(100_000)})) else {
        panic!("it did not fail")
    };
    assert_eq!(said.chars().count(), 301);
}

#[test]
fn a_filter_without_end_or_bound_is_stopped() {
    let work = [
        "def f: f; f",
        "def f: try f catch f; f",
        "def f: (f | f), f; f",
        "repeat(empty)",
        "[repeat(1)]",
        "last(range(infinite))",
        "[range(infinite)]",
        "last(repeat(1))",
        "first(repeat(empty))",
        "until(false; .)",
        "[recurse(. + 1)]",
        "reduce range(60) as $i (\"x\"; . + .)",
        "reduce range(60) as $i (\"x\"; \"\\(.)\\(.)\")",
        "reduce range(60) as $i (\"\\\"\"; tojson)",
        "reduce range(200) as $i (\"abc\"; @base64)",
        "reduce range(60) as $i ([1]; . + .)",
        "reduce range(60) as $i ([1]; [., .])",
        "reduce range(60) as $i ([1]; [.[], .[]])",
        "reduce range(60) as $i (1; {a: ., b: .})",
        "reduce range(60) as $i ({}; .a = . | .b = .a)",
        "reduce range(60) as $i ([1]; {(tojson): .} | [., .])",
        "[range(100000) | null] as $n | [range(1000)] as $b | $n | .[] += $b",
        "\"x\" * 10000000000",
        "10000000000 * \"x\"",
        "\"x\" | . *= 10000000000",
        "\"x\" * 100000000000000000000000",
        "reduce range(60) as $i (3; . * .)",
        "[range(1000)] | combinations(1000)",
        "def f(x): f(x | x); f(.)",
    ];
    for filter in work {
        let result = run(filter, json!(null));
        assert!(matches!(result, Err(JqError::Work | JqError::Depth)), "{filter}: {result:?}");
    }
}

#[test]
fn a_filter_that_nests_too_deep_is_stopped() {
    let deep = [
        "def f: 1 + f; f",
        "def f: [f]; f",
        "reduce range(1000000) as $i (null; [.])",
        "reduce range(1000) as $i (null; [.])",
        "reduce range(1000) as $i (null; {a: .})",
        "last(path(recurse(.a)))",
        "[limit(100000; path(recurse(.a)))]",
    ];
    for filter in deep {
        let result = run(filter, json!(null));
        assert!(matches!(result, Err(JqError::Work | JqError::Depth)), "{filter}: {result:?}");
    }
    for (open, close) in [("(", ")"), ("[", "]"), ("-", ""), ("{a:", "}"), ("if ", "")] {
        let (open, close) = (open.repeat(5_000), close.repeat(5_000));
        let _ = run(&format!("{open}1{close}"), json!(null));
    }
    for chain in [".a", " | .", " + 1", " * 1", " // 1", ", 1", " as $x | ."] {
        let _ = run(&format!(".{}", chain.repeat(2_000)), json!(null));
    }
}

#[test]
fn a_long_filter_is_refused() {
    assert!(matches!(run(&".".repeat(20_000), json!(null)), Err(JqError::Syntax(_))));
}

#[test]
fn dropping_the_future_stops_the_run() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let dropped = Arc::new(AtomicBool::new(true));
        let filter = Jq::compile("[range(1000)] | length").await.expect("a filter");
        let result = filter.run_here(&json!(null), DateTime::default(), dropped);
        assert_eq!(result, Err(JqError::Broken));
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn nothing_panics(filter in "[.a\\[\\]|,+*(){}:\"0-9 $]{0,30}") {
        prop_assert_ne!(run(&filter, json!({"a": [1, {"a": "x"}]})), Err(JqError::Broken));
    }
}
