use nvme_model::{Config, FaultPlan, RamMedia};
use serde_json::Value;

use super::*;

fn controller() -> Controller {
    let media = Box::new(RamMedia::new(64, 4096));
    Controller::new(Config::default(), media, FaultPlan::none()).expect("a good configuration")
}

fn new(nsid: Option<u32>, bytes: Option<u64>, lba: u32) -> NewNamespace {
    NewNamespace { nsid, bytes, disk: None, lba }
}

fn drive<'a>(
    controller: &'a mut Controller,
    observer: &'a mut dyn nvme_model::Observer,
) -> Option<ControlledDrive<'a>> {
    Some(ControlledDrive { controller, now_ns: 5, observer })
}

fn say(controller: &mut Controller, line: &str) -> Value {
    let reply = answer(drive(controller, &mut ()), line);
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
    let list = say(&mut controller, &Request::List {}.to_line());
    let rule = &list["ok"]["rules"][0];
    assert_eq!((&rule["status"], &rule["planned"]), (&"armed".into(), &2.into()));
    assert!(rule["text"].as_str().expect("text").starts_with("read lba=0x3..0x4 => delay=1ms"));
    assert_eq!(say(&mut controller, &Request::Disarm { rule: 0 }.to_line())["ok"]["rule"], 0);
    let list = say(&mut controller, &Request::List {}.to_line());
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
        (r#"{"v":1,"do":"lits"}"#, "`list`, `log`, `namespaces`"),
        (r#"{"v":1,"do":"list","rule":1}"#, "unknown field `rule`"),
        (r#"{"v":1,"do":"disarm"}"#, "missing field `rule`"),
        ("[1]", "missing field `v`"),
        (r#"{"v":1,"do":"add-namespace","size":1}"#, "unknown field `size`"),
        (r#"{"v":1,"do":"remove-namespace","nsid":-1}"#, "invalid value"),
        (r#"{"v":1,"do":"namespaces","nsid":1}"#, "unknown field `nsid`"),
        (r#"{"v":1,"do":"disarm","rule":7}"#, "there is no rule 7"),
        (r#"{"v":1,"do":"arm","text":"raed => drop"}"#, "did you mean"),
        (r#"{"v":1,"do":"arm","text":"read after=x => drop"}"#, "names no rule"),
    ] {
        let error = say(&mut controller, line)["error"].to_string();
        assert!(error.contains(words), "{line}: {error}");
    }
    assert_eq!(controller.faults().counts().count(), 0);
    assert!(answer(None, r#"{"v":1,"do":"list"}"#).contains("no NVMe controller"));
}

#[test]
fn a_rule_that_waits_for_a_state_that_no_rule_sets_yet_is_armed_with_a_warning() {
    let mut controller = controller();
    let mut arm = |rule: &str| {
        let reply = say(&mut controller, &Request::Arm { rule: rule.into() }.to_line());
        reply["ok"]["warnings"].clone()
    };
    for (rule, state) in
        [("read => hold=go", "hold=\"go\""), ("read state=b => expect set=a", "state=\"b\"")]
    {
        let warnings = arm(rule).to_string().replace('\\', "");
        assert!(warnings.contains(state) && warnings.contains("armed later"), "{warnings}");
    }
    // Only what is armed now is spoken of, and what is there now is enough.
    for rule in ["flush => expect set=go", "write => expect set=b", "read => hold=never"] {
        assert_eq!(arm(rule), Value::Null, "{rule}");
    }
    assert_eq!(controller.faults().counts().count(), 5);
    assert_eq!(controller.faults().plan().check(), Ok(()));
}

#[test]
fn a_request_is_read_back_from_its_line() {
    for request in [
        Request::Arm { rule: "read => \"quoted\"".into() },
        Request::Disarm { rule: 3 },
        Request::List {},
        Request::Log { since: 9 },
        Request::Namespaces {},
        Request::AddNamespace(new(Some(3), Some(1 << 20), 512)),
        Request::AddNamespace(NewNamespace { disk: Some("a b".into()), ..new(None, None, 4096) }),
        Request::RemoveNamespace { nsid: 7 },
        Request::ResizeNamespace { nsid: 7, bytes: 4096 },
    ] {
        assert_eq!(Request::parse(&request.to_line()), Ok(request));
    }
}

/// Identifiers and sizes of what is listed.
fn namespaces(controller: &mut Controller) -> Vec<(u64, u64)> {
    let list = say(controller, &Request::Namespaces {}.to_line());
    let entry = |entry: &Value| (entry["nsid"].as_u64(), entry["bytes"].as_u64());
    let entries = list["ok"]["namespaces"].as_array().expect("a list").iter().map(entry);
    entries.map(|(nsid, bytes)| (nsid.expect("a number"), bytes.expect("a number"))).collect()
}

#[test]
fn a_namespace_is_added_resized_and_removed() {
    let mut controller = controller();
    let add = |nsid, bytes, lba| Request::AddNamespace(new(nsid, Some(bytes), lba)).to_line();
    let added = say(&mut controller, &add(Some(3), 1 << 20, 512));
    assert_eq!((&added["ok"]["nsid"], &added["ok"]["lba"]), (&3.into(), &512.into()));
    // The lowest that is free; blocks are of 4096 bytes if nothing is said.
    let added = say(&mut controller, r#"{"v":1,"do":"add-namespace","bytes":8192}"#);
    assert_eq!((&added["ok"]["nsid"], &added["ok"]["lba"]), (&2.into(), &4096.into()));
    assert_eq!(namespaces(&mut controller), [(1, 64 * 4096), (2, 8192), (3, 1 << 20)]);
    let resize = Request::ResizeNamespace { nsid: 3, bytes: 1536 };
    assert_eq!(say(&mut controller, &resize.to_line())["ok"]["bytes"], 1536);
    say(&mut controller, &Request::ResizeNamespace { nsid: 2, bytes: 1 << 30 }.to_line());
    let removed = say(&mut controller, &Request::RemoveNamespace { nsid: 1 }.to_line());
    assert_eq!(removed["ok"]["nsid"], 1);
    assert_eq!(namespaces(&mut controller), [(2, 1 << 30), (3, 1536)]);
}

#[test]
fn what_the_owner_changes_is_seen_by_whoever_watches_the_drive() {
    #[derive(Default)]
    struct Seen(Vec<(u64, String)>);
    impl nvme_model::Observer for Seen {
        fn event(&mut self, now_ns: u64, event: &nvme_model::Event) {
            self.0.push((now_ns, event.to_string()));
        }
    }
    let (mut controller, mut seen) = (controller(), Seen::default());
    let line = Request::AddNamespace(new(None, Some(8192), 4096)).to_line();
    let reply = answer(drive(&mut controller, &mut seen), &line);
    assert!(reply.contains("\"ok\""), "{reply}");
    assert_eq!(seen.0, [(5, "namespace    nsid=2   blocks=2".to_owned())]);
}

#[test]
fn a_change_that_cannot_be_says_why_and_what_can_be_done() {
    let mut controller = controller();
    let add = |nsid, bytes, lba| Request::AddNamespace(new(nsid, bytes, lba));
    let disk = |disk: &str| NewNamespace { disk: Some(disk.into()), ..new(None, None, 512) };
    for (request, words) in [
        (add(Some(1), Some(4096), 4096), "there is a namespace 1 already: remove it first"),
        (add(Some(0), Some(4096), 4096), "an identifier is 1 to 32, not 0"),
        (add(Some(33), Some(4096), 4096), "1 to 32, not 33"),
        (add(None, Some(0), 4096), "0 bytes: a namespace has a positive multiple"),
        (add(None, Some(4095), 4096), "4095 bytes: "),
        (add(None, Some((64 << 40) + 4096), 4096), "at most 64 TiB"),
        (add(None, Some(4096), 520), "512 or 4096 bytes, not 520"),
        (add(None, None, 4096), "either bytes, in memory, or a disk"),
        (
            Request::AddNamespace(NewNamespace { bytes: Some(1), ..disk("/x") }),
            "either bytes, in memory, or a disk",
        ),
        (Request::AddNamespace(disk("/nowhere/image")), "/nowhere/image: No such file"),
        (Request::RemoveNamespace { nsid: 2 }, "there is no namespace 2: there are 1"),
        (Request::ResizeNamespace { nsid: 2, bytes: 4096 }, "there is no namespace 2"),
        (Request::ResizeNamespace { nsid: 1, bytes: 0 }, "0 bytes: "),
        (Request::ResizeNamespace { nsid: 1, bytes: 5000 }, "multiple of its blocks' 4096"),
    ] {
        let reply = say(&mut controller, &request.to_line());
        let error = reply["error"].as_str().unwrap_or_else(|| panic!("{request:?}: {reply}"));
        assert!(error.contains(words), "{request:?}: {error}");
    }
    assert_eq!(namespaces(&mut controller), [(1, 64 * 4096)]);
    let sizes: Vec<Value> = (2..=32)
        .map(|_| say(&mut controller, &add(None, Some(4096), 4096).to_line())["ok"].clone())
        .collect();
    assert!(sizes.iter().all(Value::is_object), "{sizes:?}");
    let reply = say(&mut controller, &add(None, Some(4096), 4096).to_line());
    assert!(reply["error"].to_string().contains("all 32 identifiers are taken"), "{reply}");
}

#[test]
fn a_namespace_in_a_file_keeps_what_is_written_and_the_files_size_and_gives_it_free() {
    let mut controller = controller();
    let image = tempfile::NamedTempFile::new().expect("a file");
    image.as_file().set_len(5 * 512).expect("room");
    let path = image.path().to_path_buf();
    let disk = NewNamespace { disk: Some(path.clone()), ..new(None, None, 512) };
    let add = Request::AddNamespace(disk).to_line();
    assert_eq!(say(&mut controller, &add)["ok"]["disk"], path.to_str().expect("a path"));
    assert!(say(&mut controller, &add)["error"].to_string().contains("in use"));
    let resize = Request::ResizeNamespace { nsid: 2, bytes: 1024 }.to_line();
    let error = say(&mut controller, &resize)["error"].to_string();
    assert!(error.contains("is as large as its file") && error.contains("add it again"), "{error}");
    controller.media_mut(2).expect("there").write(4, &[7; 512]).expect("a file");
    let remove = Request::RemoveNamespace { nsid: 2 }.to_line();
    assert_eq!(say(&mut controller, &remove)["ok"]["nsid"], 2);
    assert_eq!(std::fs::read(&path).expect("still there")[4 * 512..], [7; 512]);
    assert_eq!(say(&mut controller, &add)["ok"]["bytes"], 5 * 512, "free again");
}

#[test]
fn a_drive_without_power_is_not_changed() {
    let plan = FaultPlan { seed: 1, rules: vec!["register-read => power-cut".parse().unwrap()] };
    let media = Box::new(RamMedia::new(64, 4096));
    let mut controller = Controller::new(Config::default(), media, plan).expect("good");
    controller.mmio_read(0, 0, &mut [0; 4], &mut ());
    for request in [
        Request::RemoveNamespace { nsid: 1 },
        Request::ResizeNamespace { nsid: 1, bytes: 4096 },
        Request::AddNamespace(new(None, Some(4096), 4096)),
    ] {
        let error = say(&mut controller, &request.to_line())["error"].to_string();
        assert!(error.contains("cut the drive's power"), "{error}");
    }
    assert_eq!(namespaces(&mut controller), [(1, 64 * 4096)]);
}
