#include "tools/nnc/paths.h"

#include <filesystem>
#include <fmt/core.h>
#include <sys/stat.h>

namespace command {
namespace {

namespace fs = std::filesystem;

// Where the links of a path lead, also when nothing is there yet.
fs::path followed(fs::path path) {
  std::error_code error;
  for (int links = 0; links < 40 && fs::is_symlink(path, error); ++links)
    path = path.parent_path() / fs::read_symlink(path, error);
  return path;
}

std::string shown(std::string const& name, std::string const& path) {
  return name.starts_with("-") ? fmt::format("{} {}", name, path) : name;
}

// "03-fuse.ir", as --dump-dir names its files.
bool is_dump(std::string const& name) {
  auto const digits = name.find_first_not_of("0123456789");
  return digits >= 2 && digits != std::string::npos && name[digits] == '-' && name.ends_with(".ir");
}

} // namespace

std::string header_beside(std::string const& object) {
  std::error_code error;
  if (fs::exists(object, error) && !fs::is_regular_file(object, error)) return "";
  fs::path header = object;
  auto const ending = header.extension();
  if (ending == ".o" || ending == ".obj") return header.replace_extension(".h").string();
  return object + ".h";
}

Paths::Identity Paths::identity_of(std::string const& path) {
  Identity identity;
  struct stat status;
  if (::stat(path.c_str(), &status) == 0)
    identity = {true, static_cast<bool>(S_ISREG(status.st_mode)), status.st_dev, status.st_ino, ""};
  std::error_code error;
  identity.place = fs::weakly_canonical(fs::absolute(followed(path), error), error).string();
  return identity;
}

bool Paths::same(Identity const& a, Identity const& b) {
  if (!a.is_file || !b.is_file) return false;
  if (a.exists && b.exists) return a.device == b.device && a.node == b.node;
  return !a.place.empty() && a.place == b.place;
}

Paths::Paths(Line const& line) : dump_dir_(line.dump_dir) {
  if (!line.file.empty()) read(line.file, "the program");
  for (auto const& log : line.logs) read(log, "the log");
  if (!line.load.empty()) read(line.load, "--load");
  write("-o", line.output);
  if (line.emit == "object") write("the header", header_beside(line.output));
  write("--save", line.save);
  write("--log", line.log);
  write("--plot", line.plot);
  write("--report", line.report);
}

void Paths::read(std::string const& path, std::string const& what) {
  Used const used{what, path, identity_of(path)};
  expect_outside_of_dumps(used);
  for (auto const& output : written_) {
    if (!same(output.identity, used.identity)) continue;
    throw Mistake{fmt::format("{} {} would overwrite {}{}", output.name, output.path, shown(what, path),
                              what.starts_with("-") || path == output.path ? "" : ", " + path)};
  }
  read_.push_back(used);
}

void Paths::write(std::string const& name, std::string const& path) {
  if (path.empty()) return;
  Used const used{name, path, identity_of(path)};
  expect_outside_of_dumps(used);
  for (auto const& input : read_) {
    if (!same(used.identity, input.identity)) continue;
    Mistake mistake{fmt::format("{} {} would overwrite {}", name, path, shown(input.name, input.path))};
    if (name == "--save" && input.name == "--load")
      mistake.help = fmt::format("--save {} --resume goes on with its training; a new one needs another file", path);
    throw mistake;
  }
  for (auto const& output : written_)
    if (same(used.identity, output.identity))
      throw Mistake{fmt::format("{} {} and {} {} are the same file", output.name, output.path, name, path)};
  written_.push_back(used);
}

// The numbers of the dumps are not known yet, so no file that is called like one may be used otherwise.
void Paths::expect_outside_of_dumps(Used const& used) const {
  if (dump_dir_.empty() || !used.identity.is_file) return;
  auto const refuse = [&] {
    throw Mistake{fmt::format("--dump-dir {} would overwrite {}", dump_dir_, shown(used.name, used.path))};
  };
  std::error_code error;
  fs::path const place = used.identity.place;
  if (is_dump(place.filename().string()) && place.parent_path() == fs::path(identity_of(dump_dir_).place)) refuse();
  for (fs::directory_iterator at(dump_dir_, error), end; !error && at != end; at.increment(error))
    if (is_dump(at->path().filename().string()) && same(identity_of(at->path().string()), used.identity)) refuse();
}

} // namespace command
