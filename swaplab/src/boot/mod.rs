//! `swaplab boot`: one image on the faulty controller, in real time, with its console.

mod screen;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::thread;

use campaign::control::FaultControl;
use campaign::disk_image::{self, DiskUser};
use campaign::engine::EngineError;
use machine::ports;
use nvme_model::{Config, Controller, FaultPlan, Media, RamMedia};
use vmm::{Clock, ConsoleInput, Control, Exit as MachineExit, KernelImage, Machine, MachineConfig};

use crate::args::Boot;
use crate::exit::Exit;
use crate::fault::read_plan;
use screen::Screen;

/// What the built-in guest plays if nothing is said.
const DEFAULT_PROGRAM: &str = "program=lab path=swap";

/// Blocks of the RAM drive (256 MiB), and their size.
const RAM_DRIVE_BLOCKS: u64 = 64 << 10;
const BLOCK_BYTES: u32 = 4096;

pub(crate) fn run(args: &Boot) -> Exit {
    match prepare(args).and_then(|machine| run_machine(machine, args)) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn prepare(args: &Boot) -> Result<Machine, Exit> {
    let mut controller = Controller::new(Config::default(), media(args)?, plan(args)?)
        .map_err(|error| Exit::Usage.with(&error))?;
    let mut config = MachineConfig::new(image(args.image.as_deref())?, command_line(args));
    config.initrd = args.initrd.as_deref().map(read).transpose()?.map(Into::into);
    config.memory_bytes = args.memory.saturating_mul(1 << 20);
    controller.findings_mut().watch_pages();
    config.controller = Some(controller);
    config.control =
        args.control.clone().map(|path| Control { path, hook: Box::new(FaultControl) });
    config.clock = Clock::Wall;
    config.limits.total = Some(args.timeout);
    if args.image.is_some() {
        // Whoever waits for a key makes no progress, and does nothing wrong.
        config.limits.no_progress = None;
    }
    Machine::new(config).map_err(|error| Exit::from(EngineError::from(error)))
}

fn command_line(args: &Boot) -> String {
    match (&args.append, &args.image) {
        (Some(words), _) => words.clone(),
        (None, None) => DEFAULT_PROGRAM.to_owned(),
        (None, Some(_)) => String::new(),
    }
}

fn image(path: Option<&Path>) -> Result<KernelImage, Exit> {
    let Some(path) = path else {
        return Ok(KernelImage::new("built-in guest", images::kernel()));
    };
    Ok(KernelImage::new(path.display().to_string(), read(path)?))
}

fn read(path: &Path) -> Result<Vec<u8>, Exit> {
    fs::read(path).map_err(|error| Exit::Usage.with(&format!("{}: {error}", path.display())))
}

fn media(args: &Boot) -> Result<Box<dyn Media>, Exit> {
    let Some(path) = &args.disk else {
        return Ok(Box::new(RamMedia::new(RAM_DRIVE_BLOCKS, BLOCK_BYTES)));
    };
    let user = match args.image {
        None => DiskUser::BuiltInGuest,
        Some(_) => DiskUser::ForeignGuest,
    };
    let media = disk_image::open(path, user).map_err(|error| Exit::Usage.with(&error))?;
    Ok(Box::new(media))
}

fn plan(args: &Boot) -> Result<FaultPlan, Exit> {
    let mut plan = match &args.faults {
        Some(file) => read_plan(file)?,
        None => FaultPlan::none(),
    };
    plan.rules.extend(args.fault.iter().cloned());
    plan.check().map_err(|error| Exit::Usage.with(&error))?;
    Ok(plan)
}

fn run_machine(mut machine: Machine, args: &Boot) -> Result<Exit, Exit> {
    forward_input(machine.console_input());
    let mut screen = Screen::new(args.image.is_none());
    let exit = machine.run(&mut screen).map_err(|error| Exit::from(EngineError::from(error)))?;
    screen.finish();
    if let Some(controller) = machine.controller() {
        report_faults(controller);
    }
    let verdict = exit_of_guest(&exit);
    if verdict == Exit::Expected {
        println!("{exit}");
    }
    Ok(verdict)
}

/// Types what comes on standard input into the guest's console.
fn forward_input(console: ConsoleInput) {
    // The thread ends with the process: nothing waits for it.
    thread::spawn(move || {
        let mut bytes = [0; 256];
        while let Ok(count @ 1..) = std::io::stdin().read(&mut bytes) {
            console.send(&bytes[..count]);
        }
    });
}

fn report_faults(controller: &Controller) {
    for (rule, counts) in controller.faults().counts() {
        println!("fault: {rule}: matched {}, fired {}", counts.armed, counts.fired);
        if counts.fired < counts.planned {
            println!("fault: NOT EXERCISED: planned {}", counts.planned);
        }
    }
    for (rule, counts) in controller.faults().violations() {
        println!("fault: VIOLATED {} times: {rule}", counts.fired);
    }
    for (kind, count) in controller.findings().counts() {
        println!("driver finding: {kind}: {count}");
    }
    for finding in controller.findings().last() {
        log::info!("driver finding: {finding}");
    }
}

fn exit_of_guest(exit: &MachineExit) -> Exit {
    match exit {
        MachineExit::Code(ports::EXIT_OK)
        | MachineExit::PowerOff
        | MachineExit::PowerLost
        | MachineExit::Reset => Exit::Expected,
        MachineExit::Code(ports::EXIT_BAD_COMMAND_LINE) => {
            Exit::Usage.with(&"the guest does not know these words: see --append")
        }
        MachineExit::Code(_) => Exit::Findings.with(exit),
        _ => Exit::Infrastructure.with(exit),
    }
}
