use std::fs;

/// The memory of a process in bytes, without what is read from files, such as its own code, of which
/// there is more whenever something is done for the first time. Pages that it shares with others count
/// in part (PSS).
pub fn proportional_memory(id: u32) -> usize {
    let text =
        fs::read_to_string(format!("/proc/{id}/smaps_rollup")).expect("the memory of a child");
    let kilobytes = text
        .lines()
        .find_map(|line| line.strip_prefix("Pss_Anon:")?.trim().strip_suffix(" kB"))
        .expect("Pss_Anon in smaps_rollup");
    kilobytes.parse::<usize>().expect("a number of kilobytes") * 1024
}
