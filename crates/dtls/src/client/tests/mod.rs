mod any;
mod pair;
mod refusals;
mod roads;
mod scripted;
mod sessions;
mod states;
mod versions;
