using CsiLocal.Volumes;

namespace CsiLocal.Backends;

/// <summary>Takes under management what others made: it gets the name and the metadata of a volume of the pool, and no byte on it is written.</summary>
/// <remarks>
/// The object's new metadata say "ready" from the first moment: "creating" would mean that it was handed to nobody, and may be removed.
/// Whoever uses it by its old name finds nothing there afterwards, which keeps its former driver from removing it.
/// </remarks>
internal interface IAdoption
{
    /// <summary>Looks at one object. Changes nothing.</summary>
    /// <param name="attempted">Operation and object, for messages.</param>
    /// <param name="source">Where it is.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="StorageException">NotFound, InvalidArgument: this pool has no such objects. FailedPrecondition: what stands against it, with holders by name.</exception>
    Task<AdoptionCandidate> InspectAsync(string attempted, ForeignSource source, CancellationToken cancellationToken);

    /// <summary>What lies in the pool's volume group, or in <paramref name="folder"/>, and is nobody's of this driver. Changes nothing.</summary>
    Task<IReadOnlyList<AdoptionCandidate>> ListAsync(string attempted, string? folder, CancellationToken cancellationToken);

    /// <summary>Makes the object the volume of the record. Looks at it once more before; may be repeated after a crash at any point, and finishes what it finds.</summary>
    /// <remarks>The intent is recorded, and the caller holds the volume's lock.</remarks>
    Task AdoptAsync(string attempted, AdoptionRecord adoption, CancellationToken cancellationToken);

    /// <summary>Whether it has got its new name, which is the last that <see cref="AdoptAsync"/> takes from its former driver.</summary>
    Task<bool> IsDoneAsync(string attempted, AdoptionRecord adoption, CancellationToken cancellationToken);

    /// <summary>Makes it what it was before, name and all. Success where it is, or is gone; may be repeated.</summary>
    Task ReleaseAsync(string attempted, AdoptionRecord adoption, CancellationToken cancellationToken);
}
