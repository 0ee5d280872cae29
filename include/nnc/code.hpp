// What kind of thing went wrong: what a host decides by, see Failure in nnc.hpp.
#ifndef NNC_CODE_HPP
#define NNC_CODE_HPP

namespace nnc {
inline namespace v1 {

// New kinds may come; whoever switches has a default. The numbers are those of nnc_status in nnc.h.
enum class Code {
  syntax = 1,  // a text that cannot be read as a program
  type,        // a program that means nothing: names, types, shapes, settings, numbers out of their range
  argument,    // of a call: a name that the program does not have, a buffer of another size, a call at the wrong time
  data,        // a data set, a column, a file of weights: damaged, of another type, with labels out of range
  file,        // cannot be opened, read or written
  memory,      // or threads: there are no more
  cancelled,   // Session::cancel
  unsupported, // means something, but nnc cannot do it, or not on this machine
  bug,         // a broken invariant of nnc itself
};

} // namespace v1
} // namespace nnc

#endif
