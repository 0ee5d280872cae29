// How a mistake becomes a diagnostic. A message stands where the user wrote the thing: when the fault shows inside the
// standard library, that is the call that led there, and the chain of calls follows as notes.
#pragma once

#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

#include <functional>

namespace nnc::front {

struct Failure { // thrown to the statement that catches it
  Diagnostic diagnostic;
  bool silent = false; // the cause has been reported
};

// What the operator table refuses, with types as the user writes them.
std::string in_words(Error const&);

class Errors {
public:
  explicit Errors(Elaborator& e) : now_(e.now) {}

  [[noreturn]] void fail(Location, std::string message, std::optional<std::string> help = {},
                         std::vector<Note> notes = {});
  // The fault is the caller's: the chain of calls begins there.
  [[noreturn]] void blame_caller(Location, std::string message, std::optional<std::string> help = {},
                                 std::vector<Note> notes = {});
  void warn(Location, std::string message, std::optional<std::string> help = {}); // once for each place
  void report(Failure const&);
  void report(Diagnostic);
  bool reports(std::function<void()> const& look); // what it throws
  bool is_reported(Location) const;

  Diagnostic with_chain(Diagnostic) const; // of the calls that led to it
  Location user_place(Location) const;     // the nearest place in the user's own text
  bool is_of_user(Location) const;
  std::string source_of(Location) const;

private:
  std::optional<Location> argument_at_fault(Frame const&, Location) const;
  std::optional<std::string> swapped_arguments(Frame const&, Location fault) const;

  Context& now_;
  std::set<std::pair<std::string, std::string>> reported_; // places and messages
};

} // namespace nnc::front
