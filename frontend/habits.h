// Words and forms of Python, NumPy, PyTorch, Keras, JAX and C that people write out of habit, with what stands for them
// here. One table, habits.def, which the lexer, the parser and the lookup of names share.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nnc {

enum class HabitKind : unsigned char {
  symbol,   // characters that make no token
  word,     // a word that would begin a statement or an expression there
  form,     // a construct that the parser recognizes
  name,     // of a value or a function, also behind a dot
  member,   // behind a dot only
  package,  // in front of a dot
  argument, // the name of an argument
  setting,  // of a train block
  dtype,    // of a type
};

struct Habit {
  HabitKind kind;
  std::string_view word;
  std::string_view means; // the token, argument, setting or dtype that it stands for, if there is one
  std::string_view says;  // the help; empty: what `means` says
};

std::vector<Habit> const& habits(); // in the order of the table

// nullptr: nobody's habit. Of symbols the one that the text begins with, else the one of this name.
Habit const* habit(HabitKind, std::string_view word);
Habit const* habit_at(std::string_view text);

std::string help_of(Habit const&);

} // namespace nnc
