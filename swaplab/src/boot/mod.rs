//! `swaplab boot`: one image on the faulty controller, in real time, with its console.

mod screen;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::thread;

use campaign::disk_image::DiskUser;
use campaign::engine::EngineError;
use machine::ports;
use vmm::{Clock, ConsoleInput, Exit as MachineExit, KernelImage, Machine, MachineConfig};

use crate::args::Boot;
use crate::drive;
use crate::exit::Exit;
use screen::Screen;

/// What the built-in guest plays if nothing is said.
const DEFAULT_PROGRAM: &str = "program=lab path=swap";

pub(crate) fn run(args: &Boot) -> Exit {
    match prepare(args).and_then(|machine| run_machine(machine, args)) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn prepare(args: &Boot) -> Result<Machine, Exit> {
    let user = match args.image {
        None => DiskUser::BuiltInGuest,
        Some(_) => DiskUser::ForeignGuest { lba_bytes: args.lba },
    };
    let mut config = MachineConfig::new(image(args.image.as_deref())?, command_line(args));
    config.initrd = args.initrd.as_deref().map(read).transpose()?.map(Into::into);
    config.memory_bytes = args.memory.saturating_mul(1 << 20);
    config.controller = Some(args.drive.controller(user)?);
    config.control = args.drive.control();
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

fn run_machine(mut machine: Machine, args: &Boot) -> Result<Exit, Exit> {
    forward_input(machine.console_input());
    let mut screen = Screen::new(args.image.is_none());
    let exit = machine.run(&mut screen).map_err(|error| Exit::from(EngineError::from(error)))?;
    screen.finish();
    if let Some(void) = machine.controller().and_then(drive::report) {
        return Ok(void);
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
