mod forms;
mod language;
mod table;
