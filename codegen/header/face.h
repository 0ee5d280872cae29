// What a C program sees of a finished module: its tensors and numbers under names of C, in the order in which the
// generated header declares them.
#pragma once

#include "ir/module.h"

#include <string>
#include <string_view>
#include <vector>

namespace nnc {

// A word of letters that C and C++ take: others become '_'. It may be a keyword; more stands behind a prefix.
std::string c_word(std::string_view);
bool is_c_word(std::string_view);
// A word that stands alone as a name.
std::string c_name(std::string_view);

struct CMember {
  std::string name; // in the program
  std::string c;
  Type type;
};

// A struct; no two members have the same name.
class CBlock {
public:
  explicit CBlock(std::string beside = {}) : beside_(std::move(beside)) {} // a member that the header adds itself
  void add(std::string const& name, Type const&);                          // once; throws Error for two types
  CMember const* find(std::string_view name) const;
  bool empty() const { return members.empty(); }
  std::vector<CMember> members;

private:
  std::string beside_;
};

// The bytes of a block of constant extents, as a compiler of C lays it out: each member on a multiple of its element.
struct CLayout {
  std::vector<i64> offsets; // by member
  i64 bytes = 0;
};
CLayout layout_of(CBlock const&);
// Of an element in C; a tensor without an element takes the place of one, for C has no empty array.
std::string_view c_type(DType);

struct CFace {
  CBlock parameters, states, optimizer;
  CBlock data{"examples"}; // columns that training and evaluation read, and how long they are
  CBlock inputs;           // that @run reads
  CBlock outputs;          // of @run
  CBlock numbers;          // scalars but `steps` and `epoch`, which a training counts
  bool reads_steps = false, reads_epoch = false;
};

// Of the functions that a host knows: initialize, train_step, evaluate, run.
CFace face_of(Module const&);
// Do these functions have the roles that a host fills? A module that comes as text may have others.
bool has_face(Module const&);
bool is_known_to_hosts(Function const&);
// Without the functions that only a session calls: the steps of phases, and passes over data that keep states.
Module for_hosts(Module);
// The losses and metrics of a function, in the order of its report.
CBlock reports_of(Function const&);

} // namespace nnc
