use nvme_model::{Config, FaultPlan, RamMedia};
use serde_json::Value;

use super::*;

fn controller() -> Controller {
    let media = Box::new(RamMedia::new(64, 4096));
    Controller::new(Config::default(), media, FaultPlan::none()).expect("a good configuration")
}

fn say(controller: &mut Controller, line: &str) -> Value {
    let reply = answer(Some(controller), 5, line);
    assert!(!reply.contains('\n'), "{reply}");
    let reply: Value = serde_json::from_str(&reply).expect("JSON");
    assert_eq!(reply["v"], VERSION);
    reply
}

#[test]
fn a_rule_is_armed_listed_and_disarmed() {
    let mut controller = controller();
    let arm = Request::Arm { rule: "read lba=3 => delay=1000us count=2".into() };
    assert_eq!(say(&mut controller, &arm.to_line())["ok"]["rule"], 0);
    let list = say(&mut controller, &Request::List.to_line());
    let rule = &list["ok"]["rules"][0];
    assert_eq!((&rule["status"], &rule["planned"]), (&"armed".into(), &2.into()));
    assert!(rule["text"].as_str().expect("text").starts_with("read lba=0x3..0x4 => delay=1ms"));
    assert_eq!(say(&mut controller, &Request::Disarm { rule: 0 }.to_line())["ok"]["rule"], 0);
    let list = say(&mut controller, &Request::List.to_line());
    assert_eq!(list["ok"]["rules"][0]["status"], "disarmed");
    let log = say(&mut controller, &Request::Log { since: 0 }.to_line());
    assert_eq!(log["ok"]["decisions"], Value::Array(Vec::new()));
}

#[test]
fn what_is_wrong_is_said() {
    let mut controller = controller();
    for (line, words) in [
        ("", "EOF"),
        ("{}", "missing field `v`"),
        (r#"{"v":2,"do":"list"}"#, "version 2"),
        (r#"{"v":1,"do":"list","extra":1}"#, "unknown field `extra`"),
        (r#"{"v":1,"do":"lits"}"#, "lits"),
        (r#"{"v":1,"do":"list","rule":1}"#, "not known"),
        (r#"{"v":1,"do":"disarm","rule":7}"#, "there is no rule 7"),
        (r#"{"v":1,"do":"arm","text":"raed => drop"}"#, "did you mean"),
        (r#"{"v":1,"do":"arm","text":"read after=x => drop"}"#, "names no rule"),
    ] {
        let error = say(&mut controller, line)["error"].to_string();
        assert!(error.contains(words), "{line}: {error}");
    }
    assert_eq!(controller.faults().counts().count(), 0);
    assert!(answer(None, 0, r#"{"v":1,"do":"list"}"#).contains("no NVMe controller"));
}

#[test]
fn a_request_is_read_back_from_its_line() {
    for request in [
        Request::Arm { rule: "read => \"quoted\"".into() },
        Request::Disarm { rule: 3 },
        Request::List,
        Request::Log { since: 9 },
    ] {
        assert_eq!(Request::parse(&request.to_line()), Ok(request));
    }
}
