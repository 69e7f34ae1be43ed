namespace ImageIO.Core.Backends;

/// <summary>
/// The configuration sections of backends. The constructor of a <see cref="IBackendFactory"/> may ask for it, to read
/// the options of its own section.
/// </summary>
public interface IBackendSections
{
    /// <summary>The section <c>[backend_NAME]</c>; without options when no file has it.</summary>
    /// <param name="backendName">The <see cref="IBackendFactory.Name"/> of the factory that asks.</param>
    IBackendOptions Of(string backendName);
}
