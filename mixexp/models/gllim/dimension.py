"""How many parameters of a joint law the conditional law can tell apart."""

from __future__ import annotations

from mixexp.models.covariances import Covariance
from mixexp.models.gllim.mapping import GLLiM


def conditional_dimension(model: GLLiM, *, inverse: bool) -> int:
    r"""Generic number of parameters that the conditional law of the response identifies.

    The gates of a conditional law matter up to a common factor exp(mᵀx - ½ xᵀMx). All linear
    factors m leave the class; quadratic ones M do where every precision on the side of x (of Γ if
    the model is direct, of Σ if it is inverse and affine) can take M up. In an inverse model Γ_k
    has to follow by A_kᵀMA_k, which its structure may not allow. What such factors span is
    subtracted from the dimension of the joint law, and the rotations of loadings of latent inputs
    are too; the result is at most that of a law without constraints.

    Parameters
    ----------
    model : GLLiM
    inverse : bool
        Whether the model is that of x given the response, u being the response.

    Examples
    --------
    >>> [conditional_dimension(GLLiM(k, 1, 1), inverse=True) for k in (1, 2, 20)]
    [3, 9, 117]
    """
    k, r = model.n_experts, model.n_latent
    loadings = k * (model.n_outputs * r - r * (r - 1) // 2)
    own = model.structure.n_parameters(model.n_outputs, k)
    if not inverse:
        # More factors than a covariance has room for say nothing.
        spare = max(0, own + loadings - k * _triangle(model.n_outputs))
        if k == 2 and own == _triangle(model.n_outputs) and model.structure.sharing == "shared":
            spare = max(spare, r * r)
        gates = model.n_inputs + _common_precisions(model.gate_structure, model.n_inputs, k)
        return model.n_parameters - k * r * (r - 1) // 2 - spare - gates
    identified = model.n_parameters - k * r * (r - 1) // 2
    if not model.affine:
        # The mean of x given y bends: no factor of x alone can be moved into the gates.
        return identified
    common = _common_precisions(model.structure, model.n_outputs, k)
    # Precisions of two experts with factors V, W can both take up V C Wᵀ + W Cᵀ Vᵀ.
    common += r * r * (k == 2)
    held = k * _triangle(model.n_inputs) - model.gate_structure.n_parameters(model.n_inputs, k)
    if model.degree == 0:
        # Without slopes Γ_k has nothing to follow.
        held = 0
    identified -= model.n_outputs + max(0, common - held)
    return min(identified, _unconstrained(k, model.n_outputs, model.n_inputs))


def _triangle(dim: int) -> int:
    return dim * (dim + 1) // 2


def _unconstrained(n_experts: int, dim: int, n_responses: int) -> int:
    """Dimension of Gaussian-gated affine experts with full covariances."""
    expert = n_responses * (dim + 1) + _triangle(n_responses)
    return n_experts * expert + (n_experts - 1) * (1 + dim + _triangle(dim))


def _common_precisions(structure: Covariance, dim: int, n_experts: int) -> int:
    """Dimension of the matrices that can be added to every precision within a structure."""
    if structure.isotropic:
        return 1
    together = [{(i, j) for b in blocks for i in b for j in b if i <= j}
                for blocks in structure.blocks(dim, n_experts)]  # fmt: skip
    common = len(set.intersection(*together))
    # Equal determinants have to stay equal.
    return max(0, common - (n_experts - 1) * (structure.sharing == "volume"))
