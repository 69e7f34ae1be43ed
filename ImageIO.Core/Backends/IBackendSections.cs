namespace ImageIO.Core.Backends;

/// <summary>The configuration sections of backends, for the constructors of <see cref="IBackendFactory"/>.</summary>
public interface IBackendSections
{
    /// <summary>The section <c>[backend_NAME]</c>; without options if no file has it.</summary>
    /// <param name="backendName">The caller's <see cref="IBackendFactory.Name"/>.</param>
    IBackendOptions Of(string backendName);
}
