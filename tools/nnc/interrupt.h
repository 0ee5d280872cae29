// Ctrl-C: the first asks the training to stop at the end of its slice, the second ends the process at once.
#pragma once

namespace command {

void watch_for_interrupt();
bool was_interrupted();

} // namespace command
