// Where names are looked up: the function, what it captured, its file, the file's imports, the standard library.
#pragma once

#include "frontend/elaborate/value.h"
#include "frontend/frontend.h"

#include <set>

namespace nnc::front {

// One place in the tree of paths: the function call that parameters and draws are declared in (LANGUAGE.md, section 5).
struct PathScope {
  struct Child {
    bool tagged = false;
    Location at;
  };
  std::string path;              // of parameters: "encoder.dense"
  std::string draw_path;         // of random draws; tags do not merge these
  bool shared = false;           // entered by a tag that was used before: parameters may exist already
  std::optional<Location> clash; // entered by a name that is taken: no parameter may be declared here
  std::map<std::string, int> counts, draw_counts;
  std::map<std::string, Child> children;

  static std::string joined(std::string const& path, std::string const& name) {
    return path.empty() ? name : path + "." + name;
  }
  std::string counted_draw(std::string const& name);
  // The scope of a call; `tag` is empty when there is none.
  std::shared_ptr<PathScope> enter(std::string const& function, std::string const& tag, Location at);
};

// A function or optimizer of a file. Those of the library are parsed when they are first asked for: it has some hundred,
// and a program calls a few.
struct Declared {
  syntax::FunctionDecl const* tree = nullptr;
  bool is_documented = false;
  u32 begin = 0, end = 0, line = 0; // of its text
};
using Declarations = std::map<std::string, Declared, std::less<>>;

// A file and what it declares. Consts are evaluated when they are first asked for.
struct FileScope {
  struct Imported {
    std::string alias; // empty: its names stand in the file
    FileScope* file = nullptr;
    Location at;
  };
  u32 id = 0;
  std::string path; // below the folder of the main file
  bool is_std = false;
  syntax::File tree;
  Declarations functions, optimizers;
  std::map<std::string, syntax::Const const*> consts;
  std::map<std::string, Any> const_values;
  std::set<std::string> consts_in_progress;
  std::vector<Imported> imports;

  Sources const* sources = nullptr;

  syntax::FunctionDecl const* function(std::string const& name) { return parsed(functions, name); } // null: none
  syntax::FunctionDecl const* optimizer(std::string const& name) { return parsed(optimizers, name); }
  bool declares(std::string const& name) const;
  std::vector<std::string> names() const;

private:
  syntax::FunctionDecl const* parsed(Declarations&, std::string const& name);
};

// All files of a program; owns their trees.
class Program {
public:
  Program(Sources& sources, Settings const& settings, std::vector<Diagnostic>& diagnostics)
      : sources_(sources), settings_(settings), diagnostics_(diagnostics) {}
  FileScope* load(u32 file);
  u32 option(std::string const& name, std::string const& value); // NAME=VALUE as a source, so that places point into it
  std::vector<FileScope*> const& library() const { return library_; }
  std::vector<std::unique_ptr<FileScope>> const& files() const { return files_; }
  Sources const& sources() const { return sources_; }

private:
  FileScope* add(u32 file, std::string path, bool is_std);
  void index(FileScope&);
  FileScope* add_library(u32 file, std::string path);
  void load_library();
  void load_imports(FileScope&);
  void import(FileScope&, syntax::Import const&);
  void error(Location at, std::string message, std::vector<Note> notes = {});

  Sources& sources_;
  Settings const& settings_;
  std::vector<Diagnostic>& diagnostics_;
  std::vector<std::unique_ptr<FileScope>> files_;
  std::vector<FileScope*> library_;
  std::map<std::string, FileScope*> by_path_;
  std::vector<FileScope*> loading_;
  std::map<std::string, u32> options_; // by their text
};

// The body of a scan that is being elaborated.
struct ScanScope {
  Names const* names = nullptr;   // what the names outside were
  std::set<std::string> own = {}; // elements and carries
  std::optional<Any> emitted = {};
  Location emit_at = {};
};

// A call that is being elaborated.
struct Frame {
  enum class Kind : u8 { function, model, optimizer, train, constant };
  Kind kind = Kind::function;
  std::string name; // for the chain of calls; empty for a function without a name
  syntax::FunctionDecl const* function = nullptr;
  Location call_at;
  Frame* caller = nullptr;
  FileScope* file = nullptr;
  Names names;
  std::shared_ptr<Names const> captured;
  std::map<std::string, Location> untaken;   // names that only a branch which was not taken binds
  std::map<std::string, std::string> states; // name -> path
  std::shared_ptr<PathScope> path;
  std::map<std::string, Location> given;     // where the arguments of the call stand, those that it names
  std::optional<DType> float_type, int_type; // what `float` and `int` mean in this call
  std::optional<Any> result;
  bool returned = false;
  ScanScope* scan = nullptr; // whose body is being run
};

} // namespace nnc::front
