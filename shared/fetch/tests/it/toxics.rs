//! A network in which most connections go wrong, each in another way.

use shared_fetch::FetchError;

use crate::bed::Bed;
use crate::server::{Answer, Server, reply};

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// What becomes of a right answer, in `percent` of all cases.
fn poison(dice: &mut Dice, percent: usize, right: Vec<u8>) -> Option<Answer> {
    if dice.roll(100) >= percent {
        return Some(Answer::Bytes(right));
    }
    let cut = dice.roll(right.len());
    let start = right[..cut].to_vec();
    match dice.roll(7) {
        0 => None,
        1 => Some(Answer::Reset(start)),
        2 => Some(Answer::Bytes(start)),
        3 => Some(Answer::Stall(start)),
        4 => {
            let mut wrong = right;
            let len = wrong.len();
            wrong[cut.max(len / 2)] ^= 0x40;
            Some(Answer::Bytes(wrong))
        }
        5 => Some(reply("503 Service Unavailable", &[], b"")),
        _ => Some(reply("200 OK", &["content-type: text/html"], b"<p>")),
    }
}

#[tokio::test(start_paused = true)]
async fn most_connections_may_go_wrong_and_the_file_still_comes_exactly() {
    for (seed, percent) in [(1, 50), (2, 60), (3, 75), (4, 75)] {
        let bed = Bed::new();
        let (answer, mut dice) = (bed.answer(), Dice(seed));
        let server = Server::serve(move |head| poison(&mut dice, percent, answer(head))).await;
        let order = bed.everything(&server);
        let mut tries = 0;
        loop {
            tries += 1;
            match bed.obtain(&order).await {
                Ok(_) => break,
                Err(error) => assert!(!matches!(error, FetchError::Disk { .. }), "{error}"),
            }
            assert!(tries < 100, "seed {seed} does not come to an end");
            let total: u64 = bed.left().iter().map(|(_, len)| len).sum();
            assert!(total < 2 * bed.size(), "{:?}", bed.left());
        }
    }
}
