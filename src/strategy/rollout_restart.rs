//! An actor beside the strategy: `kubectl rollout restart` of one app at one moment.

use super::actor::{Actor, NotYet, Orders, Wait};
use crate::base::Time;
use crate::world::command::{Answer, Command};
use crate::world::ids::AppId;
use crate::world::reported::Reported;

/// Restarts an app's rollout once; an API that does not answer is asked again, as a person would, 5 s later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutRestart {
    app: AppId,
    at: Time,
    asked: bool,
}

/// Wait before the command is typed again.
const AGAIN: crate::base::Span = crate::base::Span::secs(5);

impl RolloutRestart {
    /// To be done at `at`.
    pub fn new(app: AppId, at: Time) -> RolloutRestart {
        RolloutRestart { app, at, asked: false }
    }
}

impl Actor for RolloutRestart {
    fn act(&mut self, seen: &Reported<'_>, answers: &[Answer], orders: &mut Orders) -> Wait {
        for answer in answers {
            match answer.result {
                Ok(()) => {
                    orders.ended = Some(Ok(()));
                    return Wait::for_answers();
                }
                Err(_) => (self.at, self.asked) = (seen.now + AGAIN, false),
            }
        }
        if self.asked {
            return Wait::for_answers();
        }
        if seen.now < self.at {
            orders.blocked.push(NotYet::Pause);
            return Wait::until(self.at);
        }
        self.asked = true;
        orders.give(0, Command::RestartRollout(self.app));
        Wait::for_answers()
    }

    fn boxed_clone(&self) -> Box<dyn Actor> {
        Box::new(self.clone())
    }
}
