// The readers behind load_dataset (see there), one for each way to name a data set.
#pragma once

#include "runtime/data/dataset.h"

namespace nnc {

Dataset load_mnist(std::optional<std::filesystem::path> const& folder);
Dataset load_fashion(std::optional<std::filesystem::path> const& folder);
Dataset load_idx_folder(std::filesystem::path const& folder);
bool has_mnist_names(std::filesystem::path const& folder); // of the training set

} // namespace nnc
