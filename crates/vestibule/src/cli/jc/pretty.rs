use std::io::{self, ErrorKind, Write};

/// Writes JSON without white space, with a line for each element and member.
///
/// # Errors
///
/// Those of `out`.
pub(super) fn write(json: &[u8], out: &mut dyn Write) -> io::Result<()> {
    let mut depth = 0;
    let mut rest = json;
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b'{' | b'[' if !matches!(after.first(), Some(b'}' | b']')) => {
                depth += 1;
                out.write_all(&[byte])?;
                new_line(out, depth)?;
                rest = after;
            }
            b'{' | b'[' => {
                let (empty, after) = rest.split_at(rest.len().min(2));
                out.write_all(empty)?;
                rest = after;
            }
            b'}' | b']' => {
                depth -= 1;
                new_line(out, depth)?;
                out.write_all(&[byte])?;
                rest = after;
            }
            b',' => {
                out.write_all(b",")?;
                new_line(out, depth)?;
                rest = after;
            }
            b':' => {
                out.write_all(b": ")?;
                rest = after;
            }
            _ => {
                let (scalar, after) = rest.split_at(scalar(rest));
                out.write_all(scalar)?;
                rest = after;
            }
        }
    }
    Ok(())
}

/// Bytes that [`write`] would write, or nothing when they are more than `limit`.
pub(super) fn len(json: &[u8], limit: u64) -> Option<u64> {
    let mut counter = Counter { len: 0, limit };
    write(json, &mut counter).ok().map(|()| counter.len)
}

/// Counts bytes, up to a limit.
struct Counter {
    len: u64,
    limit: u64,
}

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.len += bytes.len() as u64;
        match self.len <= self.limit {
            true => Ok(bytes.len()),
            false => Err(ErrorKind::FileTooLarge.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The length of the string, number or word at the beginning of `json`.
fn scalar(json: &[u8]) -> usize {
    if json.first() != Some(&b'"') {
        let ends = |byte: &u8| matches!(byte, b',' | b':' | b'}' | b']');
        return json.iter().position(ends).unwrap_or(json.len());
    }
    let mut escaped = false;
    let end = json.iter().skip(1).position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    end.map_or(json.len(), |end| end + 2)
}

fn new_line(out: &mut dyn Write, depth: usize) -> io::Result<()> {
    /// Spaces that are written at once.
    const SPACES: [u8; 64] = [b' '; 64];

    out.write_all(b"\n")?;
    let mut left = 2 * depth;
    while left > 0 {
        let part = left.min(SPACES.len());
        out.write_all(&SPACES[..part])?;
        left -= part;
    }
    Ok(())
}
