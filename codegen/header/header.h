// The header that goes with an object file: plain C and C++, made for one net. It holds the types of its tensors, and
// functions that check what a caller gives them and call the entries of the object (nnc/abi.h).
#pragma once

#include "ir/module.h"

#include <string>
#include <string_view>

namespace nnc {

struct HeaderOptions {
  std::string prefix;          // of all names; a word of C
  std::string title;           // what the object was made of, for the first comment
  bool has_weights = false;    // the object holds P_weights,
  bool has_states = false;     // and P_weight_states
  std::string one_batch_words; // why the code is made for one size of batch, or empty
};

struct Header {
  std::string text;
  u64 interface_number = 0; // what P_interface of the object must say
};

Header header_of(Module const&, HeaderOptions const&);

// The text of include/nnc/abi.h, which every header begins with.
std::string_view abi_text();

} // namespace nnc
