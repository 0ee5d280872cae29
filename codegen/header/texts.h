// What is the same in all headers but for the prefix: '@' stands for it, '@@' for it in capital letters.
#pragma once

#include <string_view>

namespace nnc {

extern std::string_view const status_text;  // the enum of statuses, and their words
extern std::string_view const calls_text;   // checks, the context, the call
extern std::string_view const shuffle_text; // the order of the rows in an epoch

} // namespace nnc
