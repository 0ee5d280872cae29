// Ctrl-C while a training runs: the first asks it to stop at the end of its slice, the second ends the process at once.
#pragma once

namespace command {

void watch_for_interrupt();
void leave_interrupts_alone(); // from here on the first one ends the process
bool was_interrupted();

} // namespace command
