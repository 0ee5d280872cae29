// Lookup of names: this function, the functions around it, the file, its imports, the standard library, what is
// predeclared.
#pragma once

#include "frontend/elaborate/context.h"
#include "frontend/elaborate/elaborator.h"

#include <array>

namespace nnc::front {

// Names with a value that no file declares; dtypes are among them as well.
inline constexpr std::array predeclared_words{"training", "step", "steps", "epoch", "pi", "inf", "nan"};
bool is_predeclared(std::string const& name);

class Lookup {
public:
  explicit Lookup(Elaborator&);

  Any lookup(std::string const& name, Location);
  // A call takes the nearest binding that can be called, so `state mean` and `mean(x)` live together.
  Any lookup_callable(std::string const& name, Location);

  Any const* local(std::string const& name) const; // of this function and those around it
  std::optional<Any> find(std::string const& name, bool callable, Location);
  std::optional<Any> find_in_file(FileScope&, std::string const& name, Location);
  Any const_value(FileScope&, syntax::Const const&, Location);

  std::vector<FileScope*> in_sight_of(FileScope&) const; // it, its imports without an alias, the library
  syntax::FunctionDecl const* find_optimizer(std::string const& name, FileScope*& file) const;

private:
  std::optional<Any> predeclared(std::string const& name, Location);
  Any of_turn(Any const& n, Location);

  Context& now_;
  Errors& errors_;
  Budget& budget_;
  Suggestions& suggestions_;
  Tensors& tensors_;
  Operators& operators_;
  Expressions& expressions_;
  SettingValues& setting_values_;
};

} // namespace nnc::front
