#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;

use super::*;

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn cron(expression: &str, timezone: &str) -> Schedule {
    Schedule::Cron { expression: expression.to_owned(), timezone: timezone.to_owned() }
}

/// The moments after one, as the clocks of the zone show them with their offset.
fn due(expression: &str, timezone: &str, after: &str, count: usize) -> Vec<String> {
    let timetable = cron(expression, timezone).timetable().unwrap();
    let zone: Tz = timezone.parse().unwrap();
    timetable
        .upcoming(moment(after), count)
        .iter()
        .map(|due| due.with_timezone(&zone).format("%m-%d %H:%M:%S %z").to_string())
        .collect()
}

#[test]
fn cron_means_what_unix_means() {
    // 2026-01-01 is a Thursday.
    let table: &[(&str, &[&str])] = &[
        ("0 9 * * 1", &["01-05 09:00:00", "01-12 09:00:00"]),
        ("0 9 * * MON", &["01-05 09:00:00"]),
        ("0 9 * * 0", &["01-04 09:00:00"]),
        ("0 9 * * 7", &["01-04 09:00:00"]),
        ("0 9 * * 1-5", &["01-01 09:00:00", "01-02 09:00:00", "01-05 09:00:00"]),
        ("0 9 * * 5-7", &["01-02 09:00:00", "01-03 09:00:00", "01-04 09:00:00"]),
        ("0 9 * * FRI-MON", &["01-02 09:00:00", "01-03 09:00:00", "01-04 09:00:00"]),
        ("0 9 * * */2", &["01-01 09:00:00", "01-03 09:00:00", "01-04 09:00:00"]),
        ("0 9 * * 1-5/2", &["01-02 09:00:00", "01-05 09:00:00", "01-07 09:00:00"]),
        ("0 9 * * sun,wed", &["01-04 09:00:00", "01-07 09:00:00"]),
        ("*/15 * * * *", &["01-01 00:15:00", "01-01 00:30:00", "01-01 00:45:00"]),
        ("30 * * * * *", &["01-01 00:00:30", "01-01 00:01:30"]),
        ("0 0 13 * 5", &["01-02 00:00:00", "01-09 00:00:00", "01-13 00:00:00"]),
        ("0 0 13 * *", &["01-13 00:00:00", "02-13 00:00:00"]),
        ("0 0 31 * *", &["01-31 00:00:00", "03-31 00:00:00", "05-31 00:00:00"]),
        ("0 12 1 JAN-MAR *", &["01-01 12:00:00", "02-01 12:00:00", "03-01 12:00:00"]),
        ("@hourly", &["01-01 01:00:00", "01-01 02:00:00"]),
        ("@daily", &["01-02 00:00:00"]),
        ("@weekly", &["01-04 00:00:00"]),
        ("@Monthly", &["02-01 00:00:00"]),
    ];
    for (expression, expected) in table {
        let due = due(expression, "UTC", "2026-01-01T00:00:00Z", expected.len());
        let expected: Vec<_> = expected.iter().map(|due| format!("{due} +0000")).collect();
        assert_eq!(due, expected, "{expression}");
    }
}

#[test]
fn leap_days_come_when_they_come() {
    let table = cron("0 0 29 2 *", "UTC").timetable().unwrap();
    let due = table.upcoming(moment("2026-01-01T00:00:00Z"), 3);
    let expected = ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z", "2036-02-29T00:00:00Z"];
    assert_eq!(due, expected.map(moment));
}

/// New York: 2026-03-08 02:00 to 03:00, and 2026-11-01 02:00 back to 01:00. Berlin: 2026-03-29
/// 02:00 to 03:00, and 2026-10-25 03:00 back to 02:00. Lord Howe changes by half an hour,
/// 2026-04-05 02:00 back to 01:30, and 2026-10-04 02:00 to 02:30.
#[test]
fn clocks_that_change_skip_nothing_and_repeat_nothing() {
    let (ny, berlin, howe) = ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe");
    let nairobi = "Africa/Nairobi";
    let table: &[(&str, &str, &str, &[&str])] = &[
        // Skipped times are due when the clocks go on, once.
        (
            "30 2 * * *",
            ny,
            "2026-03-07T12:00:00Z",
            &["03-08 03:00:00 -0400", "03-09 02:30:00 -0400"],
        ),
        (
            "0 2 * * *",
            ny,
            "2026-03-07T12:00:00Z",
            &["03-08 03:00:00 -0400", "03-09 02:00:00 -0400"],
        ),
        (
            "15,45 2 * * *",
            ny,
            "2026-03-08T00:00:00Z",
            &["03-08 03:00:00 -0400", "03-09 02:15:00 -0400"],
        ),
        (
            "30 1,2,3 * * *",
            ny,
            "2026-03-08T00:00:00Z",
            &["03-08 01:30:00 -0500", "03-08 03:00:00 -0400", "03-08 03:30:00 -0400"],
        ),
        (
            "0 3 * * *",
            ny,
            "2026-03-07T12:00:00Z",
            &["03-08 03:00:00 -0400", "03-09 03:00:00 -0400"],
        ),
        (
            "30 2 * * 0",
            ny,
            "2026-03-07T12:00:00Z",
            &["03-08 03:00:00 -0400", "03-15 02:30:00 -0400"],
        ),
        (
            "30 2 8 3 *",
            ny,
            "2026-03-07T12:00:00Z",
            &["03-08 03:00:00 -0400", "03-08 02:30:00 -0500"],
        ),
        (
            "0 30 2 * * *",
            berlin,
            "2026-03-28T12:00:00Z",
            &["03-29 03:00:00 +0200", "03-30 02:30:00 +0200"],
        ),
        (
            "15 2 * * *",
            howe,
            "2026-10-03T12:00:00Z",
            &["10-04 02:30:00 +1100", "10-05 02:15:00 +1100"],
        ),
        // Repeated times are due in their first pass.
        (
            "30 1 * * *",
            ny,
            "2026-10-31T12:00:00Z",
            &["11-01 01:30:00 -0400", "11-02 01:30:00 -0500"],
        ),
        (
            "0 1 * * *",
            ny,
            "2026-10-31T12:00:00Z",
            &["11-01 01:00:00 -0400", "11-02 01:00:00 -0500"],
        ),
        ("30 1 * * *", ny, "2026-11-01T05:30:00Z", &["11-02 01:30:00 -0500"]),
        ("30 1 * * *", ny, "2026-11-01T06:10:00Z", &["11-02 01:30:00 -0500"]),
        (
            "30 0,1,2 * * *",
            ny,
            "2026-11-01T04:00:00Z",
            &["11-01 00:30:00 -0400", "11-01 01:30:00 -0400", "11-01 02:30:00 -0500"],
        ),
        (
            "30 2 * * *",
            berlin,
            "2026-10-24T12:00:00Z",
            &["10-25 02:30:00 +0200", "10-26 02:30:00 +0100"],
        ),
        (
            "45 1 * * *",
            howe,
            "2026-04-04T12:00:00Z",
            &["04-05 01:45:00 +1100", "04-06 01:45:00 +1030"],
        ),
        // The running clock goes through both.
        (
            "0 * * * *",
            ny,
            "2026-03-08T06:00:00Z",
            &["03-08 03:00:00 -0400", "03-08 04:00:00 -0400"],
        ),
        (
            "*/30 * * * *",
            ny,
            "2026-03-08T06:00:00Z",
            &["03-08 01:30:00 -0500", "03-08 03:00:00 -0400", "03-08 03:30:00 -0400"],
        ),
        (
            "0 * * * *",
            ny,
            "2026-11-01T04:30:00Z",
            &["11-01 01:00:00 -0400", "11-01 01:00:00 -0500", "11-01 02:00:00 -0500"],
        ),
        (
            "*/30 * * * *",
            ny,
            "2026-11-01T05:00:00Z",
            &[
                "11-01 01:30:00 -0400",
                "11-01 01:00:00 -0500",
                "11-01 01:30:00 -0500",
                "11-01 02:00:00 -0500",
            ],
        ),
        (
            "30 * * * *",
            berlin,
            "2026-10-25T00:00:00Z",
            &["10-25 02:30:00 +0200", "10-25 02:30:00 +0100", "10-25 03:30:00 +0100"],
        ),
        (
            "*/20 * * * *",
            howe,
            "2026-04-04T14:30:00Z",
            &["04-05 01:40:00 +1100", "04-05 01:40:00 +1030", "04-05 02:00:00 +1030"],
        ),
        (
            "0 */2 * * *",
            ny,
            "2026-03-08T04:00:00Z",
            &["03-08 00:00:00 -0500", "03-08 04:00:00 -0400"],
        ),
        (
            "0 */2 * * *",
            ny,
            "2026-11-01T04:00:00Z",
            &["11-01 02:00:00 -0500", "11-01 04:00:00 -0500"],
        ),
        // Times that are neither are what they are, in summer and in winter.
        (
            "0 9 * * *",
            ny,
            "2026-03-07T00:00:00Z",
            &["03-07 09:00:00 -0500", "03-08 09:00:00 -0400"],
        ),
        (
            "0 9 * * *",
            ny,
            "2026-10-31T00:00:00Z",
            &["10-31 09:00:00 -0400", "11-01 09:00:00 -0500"],
        ),
        (
            "0 9 * * 1",
            nairobi,
            "2026-03-08T00:00:00Z",
            &["03-09 09:00:00 +0300", "03-16 09:00:00 +0300"],
        ),
        ("59 23 31 12 *", nairobi, "2026-06-01T00:00:00Z", &["12-31 23:59:00 +0300"]),
    ];
    for (expression, zone, after, expected) in table {
        let found = due(expression, zone, after, expected.len());
        assert_eq!(found, *expected, "{expression} in {zone} after {after}");
    }
}

#[test]
fn intervals_keep_their_beat() {
    let begun = moment("2026-01-01T00:00:00Z");
    let every = |seconds, times| Schedule::Every { seconds, times }.timetable().unwrap();
    assert_eq!(every(60, None).first(begun), Some(begun));
    let table = [
        (60, "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"),
        (60, "2026-01-01T00:00:59.999Z", "2026-01-01T00:01:00Z"),
        (60, "2026-01-01T00:01:00.001Z", "2026-01-01T00:02:00Z"),
        (60, "2026-01-03T07:00:30Z", "2026-01-03T07:01:00Z"),
        (60, "2025-12-31T00:00:00Z", "2026-01-01T00:00:00Z"),
        (86_400, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
    ];
    for (seconds, after, expected) in table {
        let next = every(seconds, None).next_after(begun, moment(after));
        assert_eq!(next, Some(moment(expected)), "{seconds} s after {after}");
    }
    assert_eq!(every(1, Some(3)).upcoming(begun, 10).len(), 3);
    let once = Schedule::Once { at: moment("2026-02-01T00:00:00Z") };
    let once = once.timetable().unwrap();
    assert_eq!(once.upcoming(begun, 10), [moment("2026-02-01T00:00:00Z")]);
    assert_eq!(once.next_after(begun, moment("2026-02-01T00:00:00Z")), None);
}

#[test]
fn what_cannot_be_kept_is_said() {
    let every = |seconds, times| Schedule::Every { seconds, times };
    let table = [
        (cron("not a cron", "UTC"), "expression"),
        (cron("", "UTC"), "expression"),
        (cron("* * * *", "UTC"), "expression"),
        (cron("60 * * * *", "UTC"), "expression"),
        (cron("* 24 * * *", "UTC"), "expression"),
        (cron("* * 0 * *", "UTC"), "expression"),
        (cron("* * * 13 *", "UTC"), "expression"),
        (cron("* * * * 8", "UTC"), "expression"),
        (cron("* * * * 1/0", "UTC"), "expression"),
        (cron("* * * * MOO", "UTC"), "expression"),
        (cron("0 0 L * *", "UTC"), "expression"),
        (cron("0 0 30 2 *", "UTC"), "expression"),
        (cron("* * * * *", "Mars/Olympus"), "timezone"),
        (cron("* * * * *", ""), "timezone"),
        (every(0, None), "seconds"),
        (every(u64::MAX, None), "seconds"),
        (every(60, Some(0)), "times"),
    ];
    for (schedule, field) in table {
        let fault = schedule.timetable().map(|_| ()).unwrap_err();
        assert_eq!(fault.field, field, "{schedule:?}: {fault}");
        assert!(!fault.message.is_empty());
    }
}

proptest! {
    /// Whatever is asked for: no panic, moments in the future that only go up.
    #[test]
    fn moments_go_up(
        expression in "([0-9*/,-]{1,5} ){4,5}[0-9A-Z*/,-]{1,5}",
        zone in prop::sample::select(vec!["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
        after in 0_i64..4_000_000_000,
    ) {
        if let Ok(timetable) = cron(&expression, zone).timetable() {
            let after = DateTime::from_timestamp(after, 0).unwrap();
            let due = timetable.upcoming(after, 20);
            prop_assert!(due.iter().all(|due| *due > after));
            prop_assert!(due.is_sorted_by(|a, b| a < b), "{due:?}");
        }
    }
}
