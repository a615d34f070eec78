using CsiLocal.Backends;
using CsiLocal.State;

namespace CsiLocal.Volumes;

/// <summary>Gives out quota ids.</summary>
internal static class ProjectIds
{
    /// <summary>An id that this state never gave out, and that nothing in the file system bears.</summary>
    /// <remarks>
    /// The counter of a state that was lost, or is older than the pool, begins anew below ids that were given out. The records in the pool
    /// raise it; but of what is left of a removal, or cannot be read, only the file system itself knows the id.
    /// </remarks>
    public static uint Allot(StateStore store, Pool pool)
    {
        while (true)
        {
            var id = store.AllocateProjectId(pool.Name);
            if (pool.Backend is not IProjectIds ids || ids.IsUnused(id))
                return id;
        }
    }
}
