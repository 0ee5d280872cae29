// Data sets made of IDX files: where they are looked for, and how files become columns.
#include "runtime/data/builtin.h"

#include "ir/diagnostic.h"
#include "runtime/data/embedded.h"
#include "runtime/data/idx.h"
#include "runtime/files.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>

namespace nnc {
namespace {

namespace fs = std::filesystem;

// The names under which MNIST, and all that imitates it, is distributed.
struct SplitFiles {
  char const* images;
  char const* labels;
};
constexpr SplitFiles train_files{"train-images-idx3-ubyte", "train-labels-idx1-ubyte"};
constexpr SplitFiles test_files{"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

// FOLDER/NAME or FOLDER/NAME.gz, whichever is there.
std::optional<fs::path> find_file(fs::path const& folder, char const* name) {
  std::error_code error;
  for (auto const* ending : {"", ".gz"})
    if (auto path = folder / (std::string(name) + ending); fs::exists(path, error)) return path;
  return std::nullopt;
}

fs::path need_file(fs::path const& folder, char const* name) {
  if (auto path = find_file(folder, name)) return *path;
  throw Error(fmt::format("{}: expected a file {} or {}.gz there, found neither", folder.string(), name, name));
}

bool has_file(fs::path const& folder, SplitFiles files) {
  return find_file(folder, files.images) || find_file(folder, files.labels);
}

bool is_complete(fs::path const& folder) {
  return find_file(folder, train_files.images) && find_file(folder, train_files.labels) &&
         find_file(folder, test_files.images) && find_file(folder, test_files.labels);
}

Split images_and_labels(HostTensor images, HostTensor labels, std::vector<std::string> const& names) {
  if (labels.shape().size() != 1)
    throw Error(fmt::format("{}: expected one label per example, found {}", names[1], labels.type_text()));
  Split split{.columns = {{"image", std::move(images)}, {"label", std::move(labels)}}};
  count_examples(split, names);
  return split;
}

Split read_split(fs::path const& folder, SplitFiles files, std::vector<std::string>& read) {
  auto const images = need_file(folder, files.images);
  auto const labels = need_file(folder, files.labels);
  read.insert(read.end(), {images.string(), labels.string()});
  return images_and_labels(read_idx(images), read_idx(labels), {images.string(), labels.string()});
}

// A name in each line; a last line without a name is none. Nothing without the file.
constexpr char const* class_file = "classes.txt";
std::vector<std::string> class_names_in(fs::path const& folder) {
  std::vector<std::string> names;
  std::ifstream in(folder / class_file);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    names.push_back(line);
  }
  while (!names.empty() && names.back().empty()) names.pop_back();
  return names;
}

Dataset read_folder(std::string name, fs::path const& folder) {
  Dataset set{.name = std::move(name), .from = folder.string()};
  set.class_names = class_names_in(folder);
  if (!set.class_names.empty()) set.files.push_back((folder / class_file).string());
  set.train = read_split(folder, train_files, set.files);
  if (has_file(folder, test_files)) set.test = read_split(folder, test_files, set.files);
  return set;
}

Dataset embedded_mnist() {
  auto digits = embedded_digits();
  std::string const where = "the command itself";
  Dataset set{.name = "mnist", .from = where + "; nnc-fetch-data mnist fetches the full set", .is_excerpt = true};
  set.train = images_and_labels(digits[0], digits[1], {where, where});
  set.test = images_and_labels(digits[2], digits[3], {where, where});
  return set;
}

// The folder that the user named with --data holds the files itself, or in a folder of the set's name. It was asked
// for, so what is missing there is an error.
fs::path in_named_folder(fs::path const& folder, char const* name) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) throw Error(fmt::format("{}: is not a folder", folder.string()));
  return has_file(folder / name, train_files) ? folder / name : folder;
}

// Places that are looked at without being asked for: only a complete set counts.
std::optional<fs::path> first_complete(std::vector<fs::path> const& folders) {
  auto const found = std::ranges::find_if(folders, is_complete);
  return found == folders.end() ? std::nullopt : std::optional(*found);
}

std::optional<fs::path> folder_of_environment() {
  auto const* data = std::getenv("NNC_DATA");
  return data && data[0] != '\0' ? std::optional<fs::path>(data) : std::nullopt;
}

constexpr char const* fashion_package_folder = "/usr/share/datasets/fashion-mnist";

} // namespace

Dataset load_mnist(std::optional<fs::path> const& folder) {
  if (folder) return read_folder("mnist", in_named_folder(*folder, "mnist"));
  std::vector<fs::path> folders;
  if (auto const data = folder_of_environment()) folders = {*data / "mnist", *data};
  if (auto const cache = cache_folder()) folders.push_back(*cache / "mnist");
  if (auto const found = first_complete(folders)) return read_folder("mnist", *found);
  return embedded_mnist();
}

namespace {

// As its authors call the classes (Xiao and others 2017), unless a file beside the images does.
Dataset read_fashion(fs::path const& folder) {
  auto set = read_folder("fashion", folder);
  if (set.class_names.empty())
    set.class_names = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                       "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  return set;
}

} // namespace

Dataset load_fashion(std::optional<fs::path> const& folder) {
  if (folder) return read_fashion(in_named_folder(*folder, "fashion-mnist"));
  // Not $NNC_DATA itself: its files have the same names, and may well be the digits.
  std::vector<fs::path> folders;
  if (auto const data = folder_of_environment()) folders.push_back(*data / "fashion-mnist");
  folders.emplace_back(fashion_package_folder);
  if (auto const found = first_complete(folders)) return read_fashion(*found);
  Diagnostic diagnostic{.at = {},
                        .message = fmt::format("the data set 'fashion' is not in {}", fashion_package_folder)};
  diagnostic.help = "install the package dataset-fashion-mnist, or name its folder to Data::open";
  throw Error(std::move(diagnostic));
}

Dataset load_idx_folder(fs::path const& folder) { return read_folder(folder.string(), folder); }

bool has_mnist_names(fs::path const& folder) { return has_file(folder, train_files); }

} // namespace nnc
