mod forms;
mod language;
mod malformed;
mod plans;
mod table;
