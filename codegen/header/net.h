// What the parts of a header are made of, and the parts. In their text '@' stands for the prefix, '@@' for the prefix
// in capital letters: neither is a character of C.
#pragma once

#include "codegen/header/face.h"
#include "codegen/header/header.h"

namespace nnc {

struct Net {
  Net(Module const&, HeaderOptions const&); // of functions that a host knows

  // The structs of what is kept, of those that the program has.
  struct Block {
    char const* name;
    Role role;
    CBlock const* members;
    char const* weights; // what the object holds of it, by name; null: nothing
  };
  std::vector<Block> blocks() const;
  // The code is made for one size of batch.
  bool one_batch() const { return module.bindings[static_cast<size_t>(Symbol::batch)].has_value(); }
  f64 value_of(std::string const& number) const; // in the program
  static std::string word_of(Function const&);   // "train", "evaluate"

  Module const& module;
  HeaderOptions const& options;
  CFace face;
  std::vector<Function const*> reporting; // training and evaluation, where they report something
  Function const *run = nullptr, *train = nullptr;
};

std::string types_of(Net const&);     // constants, structs, reports, the net
std::string functions_of(Net const&); // what checks its arguments and calls the object

// A text of the program as a comment has it: it cannot end one.
std::string harmless(std::string);
std::string integer_text(i64);

} // namespace nnc
