//! What a policy does stays within its bounds, and nothing switches a rule off.

use super::{SAID, one, outcome, told};

#[test]
fn an_error_of_a_builtin_switches_no_rule_off() {
    for expression in [
        "to_number(label) > 5",
        "semver.compare(label, \"1.0.0\") < 0",
        "concat(\"\", label) == \"x\"",
        "label + 1 > 2",
        "1 / (count(label) - 3) > 1",
        "1 % (count(label) - 3) > 1",
        "sum(label) > 1",
        "base64.decode(label) == \"x\"",
        "regex.match(concat(\"\", [\"(\", label]), \"x\")",
        "not to_number(label)",
        "x := to_number(label)",
        "format_int(label, 10) == \"1\"",
        "hex.decode(label) == \"x\"",
        "every c in [1] { to_number(label) > c }",
        "[x | x := to_number(label)] == []",
        "{x | x := to_number(label)} == set()",
        "f(label)",
        "not f(label)",
        "upper(count(label)) == \"X\"",
        "abs(label) == 1",
        "label - 1 > 0",
        "label * 2 > 0",
        "x := [to_number(label)]",
        "array.concat(label, []) == []",
        "to_number(label) in [1]",
        "g == 1",
        "not g",
        "conflict == 1",
        "not conflict",
        "h(1) == 1",
    ] {
        let mut text = format!(
            "package p\n\n{SAID}deny contains \"m\" if {{\n\tlabel := input.images[_].config.labels.n\n\t{expression}\n}}\n"
        );
        for (name, rule) in [
            ("f(", "\nf(x) if to_number(x) > 1\n\nf(x) if x == \"abc\"\n"),
            ("g", "\ng := 1 if to_number(input.images[0].config.labels.n)\n"),
            ("conflict", "\nconflict := 1 if input.to\n\nconflict := 2 if input.from\n"),
            ("h(", "\nh(x) := x if input.to\n\nh(x) := x + 1 if input.from\n"),
        ] {
            if expression.trim_start_matches("not ").starts_with(name) {
                text.push_str(rule);
            }
        }
        let problems = one(&text).unwrap_err();
        assert!(
            problems.iter().all(|(kind, line, _)| *kind == "error" && *line > 9),
            "{expression}: {problems:?}"
        );
    }
}

#[test]
fn circles_are_told() {
    for rules in [
        "a if a",
        " a if a",
        "\ta if b\n\n b if a",
        "a if data.p[\"a\"]",
        "a if data[\"p\"].a",
        "a if data[\"p\"][\"a\"]",
        "a := data.p[x] if x := \"a\"",
        "a := count(data.p)",
        "a := data",
        "a := data[_]",
        "a if f(1)\n\nf(x) if a",
        "a if f(1)\n\nf(x) := f(x + 1)",
        "a contains x if x := a[_]",
        "a[x] := y if { x := \"k\"; y := a.k }",
        "a if b\n\nb := [x | x := a]",
        "a if every x in [1] { a }",
        "default a := false\n\na if not a",
        "a if b\n\nb if c\n\nc if d\n\nd if a",
        "a if { b := data.p\n\tb.a }",
        "a if true else := a if true",
        "a if data.p.a.x",
    ] {
        let text = format!("package p\n\n{SAID}deny contains \"m\" if a\n\n{rules}\n");
        let problems = one(&text).unwrap_err();
        assert!(
            problems.iter().any(|(kind, line, _)| (*kind == "circle" || *kind == "broken") && *line > 0),
            "{rules}: {problems:?}"
        );
    }
    told("circle", 10, &format!("package p\n\n{SAID}deny contains x if x := data.p.deny[_]\n"));
    let both = [
        (
            "a.rego",
            format!(
                "package p\n\nimport data.q as other\n\n{SAID}deny contains \"m\" if other.b\n\na if true\n\nc := data.q.b\n"
            ),
        ),
        ("b.rego", "package q\n\nimport data.p\n\nb if p.c\n".to_owned()),
    ];
    let files: Vec<_> = both.iter().map(|(path, text)| (*path, text.as_str())).collect();
    assert!(outcome(&files).is_err_and(|problems| problems.iter().any(|(kind, ..)| *kind == "circle")));
}

#[test]
fn nothing_that_a_policy_makes_is_unbounded() {
    let double = |first: &str, next: &str| {
        let steps: String =
            (1..40).map(|n| format!("\tx{n} := {}\n", next.replace('@', &format!("x{}", n - 1)))).collect();
        format!("\tx0 := {first}\n{steps}\tcount(x39) > 0\n")
    };
    let bodies = [
        double("\"0123456789\"", "concat(\"\", [@, @])"),
        double("\"0123456789\"", "sprintf(\"%s%s\", [@, @])"),
        double("\"0123456789\"", "replace(@, \"0\", @)"),
        double("\"0123456789\"", "replace(@, \"\", @)"),
        double("\"0123456789\"", "regex.replace(@, \"[0-9]\", @)"),
        double("[1]", "array.concat(@, @)"),
        double("[1]", "[@, @]"),
        double("[1]", "[y | some _ in [1, 2]; y := @]"),
        double("{\"a\": 1}", "{\"a\": @, \"b\": @}"),
        double("{1}", "{@, [@]}"),
        double("[1]", "json.marshal([@, @])"),
        double("{\"a\": 1}", "object.union({\"b\": @}, {\"c\": @})"),
        double("\"\\u0000\\u0001\"", "json.marshal([@, @])"),
        double("\"x\"", "base64.encode(concat(\"\", [@, @]))"),
        format!(
            "\tn0 := 99999999\n{}\tn39 > 0\n",
            (1..40).map(|n| format!("\tn{n} := n{0} * n{0}\n", n - 1)).collect::<String>()
        ),
        "\tx := sprintf(\"%2000000000d\", [1])\n\tx != \"\"\n".to_owned(),
        "\tx := sprintf(\"%.999999999f\", [1.5])\n\tx != \"\"\n".to_owned(),
        "\tx := sprintf(\"%*d\", [999999999, 1])\n\tx != \"\"\n".to_owned(),
        "\tx := to_number(\"1e999999999\")\n\tx > 0\n".to_owned(),
        "\tx := 1e999999999\n\tx > 0\n".to_owned(),
        "\tx := 1e308 * 1e308 * 1e308\n\tx > 0\n".to_owned(),
        "\tregex.match(\"((a{1,1000}){1,1000}){1,1000}\", \"a\")\n".to_owned(),
        format!(
            "\tcount([1 | {}1 == 2]) == 1\n",
            (0..9).map(|n| format!("some a{n} in range; ")).collect::<String>()
        ),
        format!("\tx := {}1{}\n\tx\n", "[".repeat(40), "]".repeat(40)),
        format!("\tx := {}1{}\n\tx\n", "{\"a\": ".repeat(30), "}".repeat(30)),
        format!("\tx := {}1{}\n\tx\n", "(".repeat(500), ")".repeat(500)),
        format!("\tx := 1{}\n\tx\n", " +\n1".repeat(20_000)),
        format!("\tx := range{}\n\tx\n", "[\n0]".repeat(5_000)),
        format!("\tx := input{}\n\tx\n", ".if".repeat(300)),
        format!("\tx := 1{}\n\tx\n", " in\n[1]".repeat(5_000)),
        format!("\tx := {}1\n\tx\n", "not ".repeat(200)),
        format!("\tx := [{}1]\n\tx\n", "[y | y := ".repeat(30)),
        format!("{}\ttrue\n", "\tsome _ in range\n".repeat(2_000)),
    ];
    for body in &bodies {
        let text = format!(
            "package p\n\n{SAID}deny contains \"m\" if {{\n{body}}}\n\nrange := [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n"
        );
        let short: String = body.chars().take(80).collect();
        match one(&text) {
            Err(problems) => assert!(
                problems.iter().all(|(_, _, what)| !what.contains("gave up")),
                "{short}: {problems:?}"
            ),
            Ok(_) => panic!("within bounds: {short}"),
        }
    }
    // A chain of rules, each of which is used by the next.
    let chain: String = (0..3000).map(|n| format!("r{n} := r{}\n", n + 1)).collect();
    told("limit", 10, &format!("package p\n\n{SAID}deny contains \"m\" if r0\n\n{chain}r3000 := 1\n"));
    let messages = "deny contains msg if {\n\tsome a in range\n\tsome b in range\n\tsome c in range\n\tsome d in range\n\tmsg := sprintf(\"%d %d %d %d\", [a, b, c, d])\n}\n\nrange := [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n";
    assert!(one(&format!("package p\n\n{SAID}{messages}")).is_err_and(|problems| problems[0].0 == "limit"));
    let long = "deny contains concat(\"-\", [x | some _ in range; some _ in range; some _ in range; x := \"0123456789\"])\n\nrange := [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n";
    assert!(one(&format!("package p\n\n{SAID}{long}")).is_err_and(|problems| problems[0].0 == "limit"));
}
