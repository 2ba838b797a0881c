//! As much of Redis' framing (RESP2) as a bare client needs: commands out, replies counted.

/// A command as it goes over the wire.
pub(crate) fn command(parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len() + 16).sum();
    let mut bytes = Vec::with_capacity(length + 16);
    header(&mut bytes, b'*', parts.len());
    for part in parts {
        header(&mut bytes, b'$', part.len());
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn header(bytes: &mut Vec<u8>, kind: u8, number: usize) {
    bytes.push(kind);
    bytes.extend_from_slice(number.to_string().as_bytes());
    bytes.extend_from_slice(b"\r\n");
}

/// The bytes are no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// How many bytes the first reply takes; none if it is not complete yet.
pub(crate) fn reply_length(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let (mut at, mut missing) = (0, 1_usize);
    while missing > 0 {
        missing -= 1;
        let rest = &bytes[at..];
        let Some(line) = rest.windows(2).position(|pair| pair == b"\r\n") else {
            return Ok(None);
        };
        let text = rest.get(1..line).ok_or(Malformed)?;
        at += line + 2;
        match rest[0] {
            b'+' | b'-' | b':' => {}
            b'$' => {
                if let Some(length) = length(text)? {
                    at += length + 2;
                }
            }
            b'*' => missing += length(text)?.unwrap_or(0),
            _ => return Err(Malformed),
        }
        if at > bytes.len() {
            return Ok(None);
        }
    }
    Ok(Some(at))
}

/// The length of a string or an array; none for the null of either.
fn length(text: &[u8]) -> Result<Option<usize>, Malformed> {
    if text == b"-1" {
        return Ok(None);
    }
    let text = std::str::from_utf8(text).map_err(|_| Malformed)?;
    text.parse().map(Some).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_an_array_of_strings() {
        let bytes = command(&[b"SET", b"k", b"a\r\nb"]);
        assert_eq!(bytes, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n");
    }

    #[test]
    fn the_first_reply_ends_where_it_ends_and_not_before() {
        let replies: [&[u8]; 9] = [
            b"+OK\r\n",
            b"-ERR no\r\n",
            b":12\r\n",
            b"$-1\r\n",
            b"$0\r\n\r\n",
            b"$4\r\na\r\nb\r\n",
            b"*-1\r\n",
            b"*1\r\n:1\r\n",
            b"*3\r\n*2\r\n:1\r\n$2\r\nab\r\n*0\r\n+x\r\n",
        ];
        for reply in replies {
            let followed = [reply, b"+next\r\n"].concat();
            assert_eq!(reply_length(&followed), Ok(Some(reply.len())));
            for cut in 0..reply.len() {
                assert_eq!(reply_length(&reply[..cut]), Ok(None), "{reply:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn what_is_no_reply_is_said_to_be_none() {
        for bytes in [&b"?\r\n"[..], b"$x\r\n", b"*-2\r\n", b"\r\n"] {
            assert_eq!(reply_length(bytes), Err(Malformed), "{bytes:?}");
        }
    }
}
