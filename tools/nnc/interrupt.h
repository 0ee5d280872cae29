// SIGINT, SIGTERM and SIGHUP while a training runs: the first asks it to stop at the end of its slice, the second ends
// the process at once.
#pragma once

namespace command {

void watch_for_interrupt();    // a SIGHUP that is ignored (nohup) stays so
void leave_interrupts_alone(); // from here on the first one ends the process
int interrupted_by();          // the first signal that came; 0: none

} // namespace command
