namespace CsiLocal.Backends;

/// <summary>A backend whose volumes bear quota ids that the file system keeps, too.</summary>
internal interface IProjectIds
{
    /// <summary>Nothing in the pool's file system bears this id. Starts no process.</summary>
    bool IsUnused(uint projectId);
}
